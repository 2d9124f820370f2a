// Two maps: one is written beat by beat while the other is read, any of its positions at a time.
module maps #(
  parameter WIDTH = 8,           // bits of a position
  parameter INDEX = 4,           // bits of its place
  parameter [INDEX-1:0] LAST = 8  // place of the last one
) (
  input  wire             clk,
  input  wire             rst,
  input  wire             s_valid,
  output wire             s_ready,
  input  wire [WIDTH-1:0] s_data,
  output wire             m_valid,
  input  wire             m_ready,  // the map is read and may be written over
  input  wire [INDEX-1:0] place,
  output wire [WIDTH-1:0] m_data
);
  localparam [INDEX-1:0] ONE = 1;
  reg [WIDTH-1:0] kept [0:(2<<INDEX)-1];
  reg [INDEX-1:0] next;
  reg [1:0] full;
  reg writing, reading;
  wire put = s_valid && s_ready;
  assign s_ready = !full[writing];
  assign m_valid = full[reading];
  assign m_data = kept[{reading, place}];

  always @(posedge clk) if (put) kept[{writing, next}] <= s_data;
  always @(posedge clk) begin
    if (rst) begin
      next <= {INDEX{1'b0}};
      full <= 2'b00;
      writing <= 1'b0;
      reading <= 1'b0;
    end else begin
      if (put) next <= next == LAST ? {INDEX{1'b0}} : next + ONE;
      if (put && next == LAST) begin
        full[writing] <= 1'b1;
        writing <= !writing;
      end
      if (m_valid && m_ready) begin
        full[reading] <= 1'b0;
        reading <= !reading;
      end
    end
  end
endmodule
