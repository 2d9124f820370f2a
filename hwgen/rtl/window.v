// Windows of a map that arrives position by position, row by row.
//
// Walks over the map with its padding, one position a clock: inside the map it takes a beat, outside
// it takes PAD. Each window that fits the strides leaves with the row and column of the output map.
// Tap (i, j) of a window stands at bits (i*KW + j)*WIDTH and up.
module window #(
  parameter COUNT = 16,          // bits of a number of rows or columns, of padding and strides too
  parameter WIDTH = 8,           // bits of one position
  parameter [COUNT-1:0] ROWS = 8,  // of the map, without padding
  parameter [COUNT-1:0] COLUMNS = 8,
  parameter [COUNT-1:0] KH = 3,  // of the window
  parameter [COUNT-1:0] KW = 3,
  parameter [COUNT-1:0] SH = 1,  // strides
  parameter [COUNT-1:0] SW = 1,
  parameter [COUNT-1:0] TOP = 0,  // padding
  parameter [COUNT-1:0] LEFT = 0,
  parameter [COUNT-1:0] BOTTOM = 0,
  parameter [COUNT-1:0] RIGHT = 0,
  parameter [WIDTH-1:0] PAD = 0
) (
  input  wire                   clk,
  input  wire                   rst,
  input  wire                   s_valid,
  output wire                   s_ready,
  input  wire [WIDTH-1:0]       s_data,
  output reg                    m_valid,
  input  wire                   m_ready,
  output reg  [KH*KW*WIDTH-1:0] m_data,
  output reg  [COUNT-1:0]       m_row,
  output reg  [COUNT-1:0]       m_column
);
  localparam [COUNT-1:0] ZERO = 0;
  localparam [COUNT-1:0] ONE = 1;
  localparam [COUNT-1:0] LAST_ROW = TOP + ROWS + BOTTOM - ONE;
  localparam [COUNT-1:0] LAST_COLUMN = LEFT + COLUMNS + RIGHT - ONE;
  localparam STACK = KH * WIDTH;
  localparam INDEX = bits_of(LAST_COLUMN);

  // Bits that hold the numbers up to `last`, at least one.
  function integer bits_of;
    input [COUNT-1:0] last;
    for (bits_of = 1; (last >> bits_of) != ZERO; bits_of = bits_of + 1) begin end
  endfunction

  reg [COUNT-1:0] row, column;          // where the walk is, padding included
  reg [COUNT-1:0] due_row, due_column;  // where the next window is complete
  reg [COUNT-1:0] out_row, out_column;  // which output position that is

  wire on_map = (TOP == ZERO || row + ONE > TOP) && (BOTTOM == ZERO || row < TOP + ROWS)
      && (LEFT == ZERO || column + ONE > LEFT) && (RIGHT == ZERO || column < LEFT + COLUMNS);
  wire room = !m_valid || m_ready;
  wire advance = room && (!on_map || s_valid);
  wire [WIDTH-1:0] incoming = on_map ? s_data : PAD;
  wire complete = row == due_row && column == due_column;
  assign s_ready = room && on_map;

  // The column of the window that ends at the walk: row i at bits i*WIDTH and up.
  wire [STACK-1:0] stack;
  generate
    if (KH == ONE) begin : g_flat
      assign stack = incoming;
    end else begin : g_lines
      reg [STACK-WIDTH-1:0] lines [0:LAST_COLUMN];
      wire [INDEX-1:0] place = column[INDEX-1:0];
      assign stack = {incoming, lines[place]};
      always @(posedge clk) if (advance) lines[place] <= stack[STACK-1:WIDTH];
    end
  endgenerate

  genvar i;
  generate
    for (i = 0; i < KH; i = i + 1) begin : g_rows
      localparam FIRST = i * KW * WIDTH;
      localparam LAST = FIRST + KW * WIDTH - WIDTH;
      if (KW > ONE) begin : g_shift
        always @(posedge clk)
          if (advance) m_data[LAST-1:FIRST] <= m_data[LAST+WIDTH-1:FIRST+WIDTH];
      end
      always @(posedge clk)
        if (advance) m_data[LAST+WIDTH-1:LAST] <= stack[i*WIDTH +: WIDTH];
    end
  endgenerate

  always @(posedge clk) begin
    if (rst) begin
      m_valid <= 1'b0;
      row <= ZERO;
      column <= ZERO;
      due_row <= KH - ONE;
      due_column <= KW - ONE;
      out_row <= ZERO;
      out_column <= ZERO;
    end else if (advance) begin
      m_valid <= complete;
      m_row <= out_row;
      m_column <= out_column;
      if (complete) begin
        due_column <= due_column + SW;
        out_column <= out_column + ONE;
      end
      column <= column + ONE;
      if (column == LAST_COLUMN) begin
        column <= ZERO;
        due_column <= KW - ONE;
        out_column <= ZERO;
        row <= row + ONE;
        if (row == due_row) begin
          due_row <= due_row + SH;
          out_row <= out_row + ONE;
        end
        if (row == LAST_ROW) begin
          row <= ZERO;
          due_row <= KH - ONE;
          out_row <= ZERO;
        end
      end
    end else if (m_ready) begin
      m_valid <= 1'b0;
    end
  end
endmodule
