"""Text of a compiled model with 4 MB of weights and 128 KB going in and out of the DPU: a 1x1 convolution."""
import random

rng, n = random.Random(1), 2048
weights = bytes(rng.randrange(256) for _ in range(64)) * (n * n // 64)
print(f'''graph @net() attributes {{subgraphs = [
{{attrs = {{device = "USER"}}, children = [] : dict, name = "subgraph_x", ops = ["x"]}},
{{attrs = {{device = "DPU", dpu_name = "DPUCZDX8G_ISA1_B4096", reg_id_to_parameter_value = map<bytes>{{REG_0 = bytes("{weights.hex()}")}}}}, children = [] : dict, name = "subgraph_c", ops = ["up", "w", "c", "down"]}},
{{attrs = {{device = "CPU"}}, children = [] : dict, name = "subgraph_y", ops = ["y"]}}]}} {{
  %x_fix = xir.data-fix() {{data_type = "XINT8", device = "USER", op_name = "x", shape = [1, 8, 8, {n}]}} : q8.6<1x8x8x{n}>
  %x_up = xir.upload(%x_fix) {{device = "DPU", op_name = "up"}} : q8.6<1x8x8x{n}>
  %w_fix = xir.const-fix() {{data = bytes(""), data_type = "XINT8", op_name = "w", shape = [{n}, 1, 1, {n}], tensor_attrs = {{ddr_addr = 0, reg_id = 0}}}} : q8.6<{n}x1x1x{n}>
  %c_fix = xir.conv2d-fix(%x_up, %w_fix) {{kernel = [1, 1], nonlinear = "NONE", op_name = "c", stride = [1, 1]}} : q8.4<1x8x8x{n}>
  %c_down = xir.download(%c_fix) {{device = "DPU", op_name = "down"}} : q8.4<1x8x8x{n}>
  %y = xir.fix2float(%c_down) {{bit_width = 8, fix_point = 4, if_signed = true, round_mode = "DPU_ROUND"}} : f32<1x8x8x{n}>
  return %y
}}''')
