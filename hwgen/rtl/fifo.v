// Keeps up to 2**INDEX beats, and one more in its output register, for a reader that is slow at times.
module fifo #(
  parameter WIDTH = 8,           // bits of a beat
  parameter INDEX = 4,           // bits of a place
  parameter BLOCK = 0            // 1: in block RAM
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             s_valid,
  output wire             s_ready,
  input  wire [WIDTH-1:0] s_data,
  output reg              m_valid,
  input  wire             m_ready,
  output reg  [WIDTH-1:0] m_data
);
  localparam [INDEX-1:0] ONE = 1;
  reg [INDEX-1:0] first, next;
  reg full, empty;
  wire put = s_valid && s_ready;
  wire get = !empty && (!m_valid || m_ready);
  assign s_ready = !full;

  generate
    if (BLOCK != 0) begin : g_block
      (* ram_style = "block", rom_style = "block" *) reg [WIDTH-1:0] kept [0:(1<<INDEX)-1];
      always @(posedge clk) if (put) kept[next] <= s_data;
      always @(posedge clk) if (get) m_data <= kept[first];
    end else begin : g_distributed
      reg [WIDTH-1:0] kept [0:(1<<INDEX)-1];
      always @(posedge clk) if (put) kept[next] <= s_data;
      always @(posedge clk) if (get) m_data <= kept[first];
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      m_valid <= 1'b0;
      first <= {INDEX{1'b0}};
      next <= {INDEX{1'b0}};
      full <= 1'b0;
      empty <= 1'b1;
    end else begin
      if (get) m_valid <= 1'b1;
      else if (m_ready) m_valid <= 1'b0;
      if (put) next <= next + ONE;
      if (get) first <= first + ONE;
      if (put && !get) begin
        empty <= 1'b0;
        full <= next + ONE == first;
      end
      if (get && !put) begin
        full <= 1'b0;
        empty <= first + ONE == next;
      end
    end
  end
endmodule
