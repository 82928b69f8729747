//===- Xmodel.cpp - dpuc xmodel: what is in this xmodel? ------------------------------===//
#include "dpuopt/Report/Xmodel.h"
#include "Command.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"

using namespace dpuopt;

static cl::SubCommand command("xmodel", "What the board's `xdputil xmodel` says of an xmodel, and a picture of it");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.xmodel"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<bool> list("list", cl::desc("The subgraphs, as `xdputil xmodel -l` prints them"), cl::sub(command),
                          cl::cat(dpucCategory()));
static cl::alias listShort("l", cl::desc("The same as --list"), cl::NotHidden, cl::aliasopt(list),
                           cl::cat(dpucCategory()));
static cl::opt<bool> meta("meta_info", cl::desc("Attributes of the graph, as `xdputil xmodel -m` prints them"),
                          cl::sub(command), cl::cat(dpucCategory()));
static cl::alias metaShort("m", cl::desc("The same as --meta_info"), cl::NotHidden, cl::aliasopt(meta),
                           cl::cat(dpucCategory()));
enum class Picture { Svg, Dot };
static cl::opt<Picture> graph("graph", cl::desc("A picture of the graph, coloured by device"),
                              cl::values(clEnumValN(Picture::Svg, "svg", "SVG"),
                                         clEnumValN(Picture::Dot, "dot", "for Graphviz")),
                              cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> output("o", cl::desc("Where to (standard output)"), cl::value_desc("FILE"), cl::init("-"),
                                   cl::sub(command), cl::cat(dpucCategory()));

static int run(DiagEngine &diags) {
  const bool picture = graph.getNumOccurrences() != 0;
  if (list + meta + picture != 1) {
    diags.error("dpuc xmodel needs one of -l, -m and --graph, and one only");
    return ExitBadInput;
  }
  auto g = importXmodel(model, diags);
  if (!g)
    return ExitBadInput;
  const std::string text = list                    ? xmodelList(**g)
                           : meta                  ? xmodelMeta(**g)
                           : graph == Picture::Dot ? xmodelDot(**g)
                                                   : xmodelSvg(**g);
  auto write = [&](llvm::raw_ostream &os) { return os << text, success(); };
  return failed(writeFileAtomically(output, diags, write)) ? ExitBadInput : ExitClean;
}

namespace dpuopt {
extern const Command XmodelCommand;
const Command XmodelCommand = {command, run};
} // namespace dpuopt
