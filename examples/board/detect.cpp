//===- detect.cpp - pictures in, boxes out, on a board ------------------------------===//
//
// A whole application of a detector that dpuc made a package of: VART runs the DPU, the generated header does the rest.
// Reads binary PPM pictures from standard input, one after the other, which every tool can write:
//
//     ffmpeg -i /dev/video0 -f image2pipe -vcodec ppm - | ./detect yolov5n.xmodel
//
// Built with the model's header (here that of yolov5n) and the packages of the board's image:
//
//     g++ -std=c++17 -O3 -include dpu_yolov5n.h -DNET=dpu_yolov5n detect.cpp -o detect -lvart-runner -lxir -lunilog -lglog
//
//===----------------------------------------------------------------------===//
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vart/runner_ext.hpp>
#include <xir/graph/graph.hpp>

namespace net = NET;

namespace {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels; ///< red first
};

/// The next picture; false: there is none.
bool read(std::FILE *in, Picture &p) {
  int most = 0;
  if (std::fscanf(in, " P6 %d %d %d", &p.width, &p.height, &most) != 3 || std::fgetc(in) == EOF)
    return false;
  if (p.width < 1 || p.height < 1 || p.width > 16384 || p.height > 16384 || most != 255)
    throw std::runtime_error("not a binary PPM picture with 8 bits");
  p.pixels.resize(std::size_t{3} * static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.height));
  return std::fread(p.pixels.data(), 1, p.pixels.size(), in) == p.pixels.size();
}

/// The one subgraph that the DPU runs.
const xir::Subgraph *dpuSubgraph(const xir::Graph &graph) {
  const xir::Subgraph *found = nullptr;
  for (const xir::Subgraph *s : graph.get_root_subgraph()->children_topological_sort())
    if (s->has_attr("device") && s->get_attr<std::string>("device") == "DPU") {
      if (found)
        throw std::runtime_error("several DPU subgraphs: that needs graph_runner");
      found = s;
    }
  return found ? found : throw std::runtime_error("no DPU subgraph: is the file compiled?");
}

/// The runner has its own order: its tensor by name.
vart::TensorBuffer *find(const std::vector<vart::TensorBuffer *> &buffers, const net::Tensor &wanted) {
  for (vart::TensorBuffer *b : buffers)
    if (b->get_tensor()->get_name() == wanted.tensor)
      return b;
  throw std::runtime_error(std::string("the model has no tensor ") + wanted.tensor + ": is the header of this file?");
}

std::int8_t *first(vart::TensorBuffer *b) {
  return reinterpret_cast<std::int8_t *>(b->data(std::vector<int>(b->get_tensor()->get_shape().size(), 0)).first);
}

std::size_t bytesPerImage(const vart::TensorBuffer *b) {
  return static_cast<std::size_t>(b->get_tensor()->get_data_size() / b->get_tensor()->get_shape()[0]);
}

/// A model on the DPU, with the memory that its runner has for it.
class Detector {
public:
  explicit Detector(const std::string &path)
      : graph(xir::Graph::deserialize(path)), attributes(xir::Attrs::create()),
        runner(vart::RunnerExt::create_runner(dpuSubgraph(*graph), attributes.get())),
        input(find(runner->get_inputs(), net::image_input)) {
    for (const net::Tensor &t : net::outputs)
      outputs.push_back(find(runner->get_outputs(), t));
  }

  std::vector<net::Detection> run(const Picture &p) {
    const net::Fit fit = net::fit(p.width, p.height);
    net::quantize_image(p.pixels.data(), std::size_t{3} * static_cast<std::size_t>(p.width), net::Order::rgb, fit,
                        first(input));
    input->sync_for_write(0, bytesPerImage(input));
    const auto job = runner->execute_async(runner->get_inputs(), runner->get_outputs());
    if (runner->wait(static_cast<int>(job.first), -1) != 0)
      throw std::runtime_error("the DPU did not finish");
    std::vector<const std::int8_t *> data;
    for (vart::TensorBuffer *b : outputs) {
      b->sync_for_read(0, bytesPerImage(b));
      data.push_back(first(b));
    }
    return net::detect(data.data(), fit, 0.3f);
  }

private:
  std::unique_ptr<xir::Graph> graph;
  std::unique_ptr<xir::Attrs> attributes;
  std::unique_ptr<vart::RunnerExt> runner;
  vart::TensorBuffer *input;
  std::vector<vart::TensorBuffer *> outputs; ///< in the order of net::outputs
};

} // namespace

int main(int argc, char **argv) try {
  if (argc != 2)
    throw std::runtime_error("usage: detect MODEL.xmodel < pictures.ppm");
  Detector detector(argv[1]);
  Picture picture;
  for (int number = 0; read(stdin, picture); ++number)
    for (const net::Detection &d : detector.run(picture))
      std::printf("%d\t%d\t%s\t%.3f\t%.1f %.1f %.1f %.1f\n", number, d.label, net::label_name(d.label),
                  static_cast<double>(d.score), static_cast<double>(d.box.left), static_cast<double>(d.box.top),
                  static_cast<double>(d.box.right), static_cast<double>(d.box.bottom));
} catch (const std::exception &e) {
  std::fprintf(stderr, "detect: %s\n", e.what());
  return 2;
}
