// Gives one wide beat as BEATS beats, the lowest bits first.
module scatter #(
  parameter COUNT = 16,          // bits of BEATS
  parameter WIDTH = 8,
  parameter [COUNT-1:0] BEATS = 4
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   s_valid,
  output wire                   s_ready,
  input  wire [BEATS*WIDTH-1:0] s_data,
  output wire                   m_valid,
  input  wire                   m_ready,
  output wire [WIDTH-1:0]       m_data
);
  localparam [COUNT-1:0] ZERO = 0;
  localparam [COUNT-1:0] ONE = 1;
  reg [COUNT-1:0] left;          // beats that are still to be given
  reg [BEATS*WIDTH-1:0] rest;
  assign m_valid = left != ZERO;
  assign m_data = rest[WIDTH-1:0];
  assign s_ready = left == ZERO || (left == ONE && m_ready);

  always @(posedge clk) begin
    if (rst) left <= ZERO;
    else if (s_ready) left <= s_valid ? BEATS : ZERO;
    else if (m_ready) left <= left - ONE;
    if (s_ready) rest <= s_data;
    else if (m_ready) rest <= {{WIDTH{1'b0}}, rest[BEATS*WIDTH-1:WIDTH]};
  end
endmodule
