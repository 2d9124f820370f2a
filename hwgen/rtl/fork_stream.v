// Gives each beat of a stream to N readers, to each as soon as it is ready. The beat is taken when
// all have it; no `valid` waits for a `ready`.
module fork_stream #(
  parameter N = 2
) (
  input  wire         clk,
  input  wire         rst,
  input  wire         s_valid,
  output wire         s_ready,
  output wire [N-1:0] m_valid,
  input  wire [N-1:0] m_ready
);
  reg [N-1:0] done;  // who has the beat
  assign m_valid = {N{s_valid}} & ~done;
  assign s_ready = &(m_ready | done);

  always @(posedge clk) begin
    if (rst || (s_valid && s_ready)) done <= {N{1'b0}};
    else done <= done | (m_valid & m_ready);
  end
endmodule
