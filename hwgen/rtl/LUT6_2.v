// A site of two functions, as Xilinx devices have it: for simulation and proofs only.
// O6 is the function of all inputs whose value at {I5, ..., I0} is that bit of INIT, O5 the one of
// I4 to I0 that the lower half of INIT holds.
module LUT6_2 #(parameter [63:0] INIT = 64'd0) (
  output wire O6,
  output wire O5,
  input  wire I0,
  input  wire I1,
  input  wire I2,
  input  wire I3,
  input  wire I4,
  input  wire I5
);
  wire [31:0] lower = INIT[31:0];
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
  assign O5 = lower[{I4, I3, I2, I1, I0}];
endmodule
