// The place of the greatest of N numbers of WIDTH bits, the first of equals; registered.
module argmax #(
  parameter N = 10,
  parameter WIDTH = 8,
  parameter SIGNED = 1,
  parameter INDEX = 4            // bits of a place
) (
  input  wire               clk,
  input  wire               rst,
  input  wire               s_valid,
  output wire               s_ready,
  input  wire [N*WIDTH-1:0] s_data,
  output reg                m_valid,
  input  wire               m_ready,
  output reg  [INDEX-1:0]   m_data
);
  // With its sign bit inverted, a two's complement number compares as an unsigned one.
  localparam [WIDTH-1:0] FLIP = SIGNED != 0 ? {1'b1, {(WIDTH-1){1'b0}}} : {WIDTH{1'b0}};
  wire [N*WIDTH-1:0] keys = s_data ^ {N{FLIP}};
  reg [WIDTH-1:0] best;
  reg [INDEX-1:0] place;
  integer k;

  always @* begin
    best = keys[WIDTH-1:0];
    place = {INDEX{1'b0}};
    for (k = 1; k < N; k = k + 1) begin
      if (keys[k*WIDTH +: WIDTH] > best) begin
        best = keys[k*WIDTH +: WIDTH];
        place = k[INDEX-1:0];
      end
    end
  end

  assign s_ready = !m_valid || m_ready;
  always @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else if (s_ready) begin
      m_valid <= s_valid;
      m_data <= place;
    end
  end
endmodule
