// How many of six bits are 1: two full adders of three bits, and their numbers added up.
// Each bit of the count is one LUT of six inputs; of LUTs of four inputs the whole takes seven.
// Unused inputs are tied to 0.
module popcount6 (
  input  wire [5:0] bits,
  output wire [2:0] count
);
  wire low_one = bits[0] ^ bits[1] ^ bits[2];
  wire low_two = (bits[0] & bits[1]) | (bits[2] & (bits[0] | bits[1]));
  wire high_one = bits[3] ^ bits[4] ^ bits[5];
  wire high_two = (bits[3] & bits[4]) | (bits[5] & (bits[3] | bits[4]));
  wire both = low_one & high_one;
  assign count[0] = low_one ^ high_one;
  assign count[1] = low_two ^ high_two ^ both;
  assign count[2] = (low_two & high_two) | (both & (low_two | high_two));
endmodule
