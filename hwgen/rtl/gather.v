// Collects BEATS beats into one wide beat, the first in the lowest bits.
module gather #(
  parameter COUNT = 16,          // bits of BEATS
  parameter WIDTH = 8,
  parameter [COUNT-1:0] BEATS = 4
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   s_valid,
  output wire                   s_ready,
  input  wire [WIDTH-1:0]       s_data,
  output reg                    m_valid,
  input  wire                   m_ready,
  output reg  [BEATS*WIDTH-1:0] m_data
);
  localparam [COUNT-1:0] ZERO = 0;
  localparam [COUNT-1:0] ONE = 1;
  reg [COUNT-1:0] count;
  assign s_ready = !m_valid || m_ready;

  always @(posedge clk) begin
    if (rst) begin
      m_valid <= 1'b0;
      count <= ZERO;
    end else begin
      if (m_ready) m_valid <= 1'b0;
      if (s_valid && s_ready) begin
        m_data <= {s_data, m_data[BEATS*WIDTH-1:WIDTH]};
        count <= count + ONE;
        if (count == BEATS - ONE) begin
          count <= ZERO;
          m_valid <= 1'b1;
        end
      end
    end
  end
endmodule
