// A queue of up to DEPTH beats, a power of two. Both handshakes come from registers, so that no
// path leads from m_ready to s_ready.
module fifo #(
  parameter WIDTH = 8,
  parameter PLACE = 1            // bits of a place: DEPTH is 2**PLACE
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             s_valid,
  output wire             s_ready,
  input  wire [WIDTH-1:0] s_data,
  output wire             m_valid,
  input  wire             m_ready,
  output wire [WIDTH-1:0] m_data
);
  localparam [PLACE:0] ONE = 1;
  localparam [PLACE:0] ZERO = 0;
  reg [WIDTH-1:0] beats [0:(1<<PLACE)-1];
  reg [PLACE:0] written, taken;  // how many, modulo twice the depth
  wire [PLACE:0] kept = written - taken;
  assign s_ready = !kept[PLACE];
  assign m_valid = kept != ZERO;
  assign m_data = beats[taken[PLACE-1:0]];
  wire write = s_valid && s_ready;

  always @(posedge clk) if (write) beats[written[PLACE-1:0]] <= s_data;
  always @(posedge clk) begin
    if (rst) begin
      written <= ZERO;
      taken <= ZERO;
    end else begin
      if (write) written <= written + ONE;
      if (m_valid && m_ready) taken <= taken + ONE;
    end
  end
endmodule
