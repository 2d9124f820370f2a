// Where images begin and end in a stream of words: TLAST of what goes out.
//
// With EVERY_IMAGE the last word of each image ends a packet. Without it, only that of an image
// whose last word came in with TLAST: so many images in, so many answers out, one packet each.
module packets #(
  parameter EVERY_IMAGE = 1,
  parameter COUNT = 16,          // bits of a number of words
  parameter PLACE = 6,           // bits of a number of images under way
  parameter [COUNT-1:0] WORDS_IN = 64,  // of an image
  parameter [COUNT-1:0] WORDS_OUT = 1
) (
  input  wire clk,
  input  wire rst,
  input  wire s_taken,           // a word goes in
  input  wire s_last,            // with TLAST
  output wire s_open,            // a word may go in
  input  wire m_taken,           // a word goes out
  output wire m_last             // with TLAST
);
  localparam [COUNT-1:0] ZERO = 0;
  localparam [COUNT-1:0] ONE = 1;
  reg [COUNT-1:0] word_in, word_out;
  wire ends_in = word_in == WORDS_IN - ONE;
  wire ends_out = word_out == WORDS_OUT - ONE;
  wire room, known, marked;
  assign s_open = room || !ends_in;
  assign m_last = ends_out && known && marked;

  always @(posedge clk) begin
    if (rst) begin
      word_in <= ZERO;
      word_out <= ZERO;
    end else begin
      if (s_taken) word_in <= ends_in ? ZERO : word_in + ONE;
      if (m_taken) word_out <= ends_out ? ZERO : word_out + ONE;
    end
  end

  generate
    if (EVERY_IMAGE != 0) begin : g_every
      wire unused = &{1'b0, s_last};
      assign room = 1'b1, known = 1'b1, marked = 1'b1;
    end else begin : g_marked
      fifo #(.WIDTH(1), .INDEX(PLACE)) u_marks (
        .clk(clk), .rst(rst),
        .s_valid(s_taken && ends_in), .s_ready(room), .s_data(s_last),
        .m_valid(known), .m_ready(m_taken && ends_out), .m_data(marked)
      );
    end
  endgenerate
endmodule
