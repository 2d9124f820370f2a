// How many of six bits are 1: each bit of the count is one six-input function.
// Unused inputs are tied to 0.
module popcount6 (
  input  wire [5:0] bits,
  output wire [2:0] count
);
  // Bit k of a table is the function's value where `bits` is k.
  localparam [63:0] ONES  = 64'h6996966996696996;
  localparam [63:0] TWOS  = 64'h8117177E177E7EE8;
  localparam [63:0] FOURS = 64'hFEE8E880E8808000;
  assign count = {FOURS[bits], TWOS[bits], ONES[bits]};
endmodule
