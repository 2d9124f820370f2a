// Four positions of a carry chain, as Xilinx devices have it: for simulation and proofs only.
// Where S is 1 the carry goes on, where it is 0 the carry is DI. One of CI and CYINIT is 0.
module CARRY4 (
  output wire [3:0] CO,
  output wire [3:0] O,
  input  wire CI,
  input  wire CYINIT,
  input  wire [3:0] DI,
  input  wire [3:0] S
);
  wire in0 = CI | CYINIT;
  wire in1 = S[0] ? in0 : DI[0];
  wire in2 = S[1] ? in1 : DI[1];
  wire in3 = S[2] ? in2 : DI[2];
  wire in4 = S[3] ? in3 : DI[3];
  assign CO = {in4, in3, in2, in1};
  assign O = S ^ {in3, in2, in1, in0};
endmodule
