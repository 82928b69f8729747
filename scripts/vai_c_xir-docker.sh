#!/usr/bin/env bash
# vai_c_xir in the public CPU image, for dpuc compile --vai-c-xir scripts/vai_c_xir-docker.sh. Takes vai_c_xir's own
# arguments. The folders of the files it is given are mounted where they are, so all paths mean the same inside.
#   DPUOPT_VAI_IMAGE   image (xilinx/vitis-ai-pytorch-cpu:latest, 16 GB)
#   DPUOPT_DOCKER      docker, podman, "sudo docker"
set -euo pipefail
image=${DPUOPT_VAI_IMAGE:-xilinx/vitis-ai-pytorch-cpu:latest}
read -r -a docker <<<"${DPUOPT_DOCKER:-docker}"

declare -A inputs # folders
args=() path=""
for word in "$@"; do
  case "$path" in
    -x | -a | --xmodel | --arch) # a file: its folder, read-only
      word=$(realpath -- "$word")
      inputs["$(dirname -- "$word")"]=ro ;;
    -o | --output_dir)
      mkdir -p -- "$word"
      word=$(realpath -- "$word")
      output=$word ;;
  esac
  args+=("$word")
  path=$word
done
if [ -z "${output:-}" ]; then
  echo "vai_c_xir-docker.sh: -o FOLDER is missing" >&2
  exit 2
fi
unset "inputs[$output]" # mounted to be written to
mounts=()
for folder in "${!inputs[@]}"; do
  mounts+=(-v "$folder:$folder:ro")
done
command -v "${docker[0]}" >/dev/null || { echo "vai_c_xir-docker.sh: ${docker[0]} is not installed" >&2; exit 2; }
# The compiler is in a conda environment of the image, which its login shell activates.
exec "${docker[@]}" run --rm --network none --user "$(id -u):$(id -g)" -e HOME=/tmp "${mounts[@]}" -v "$output:$output" "$image" \
  bash -lc 'source /opt/vitis_ai/conda/etc/profile.d/conda.sh && conda activate vitis-ai-pytorch && exec vai_c_xir "$@"' vai_c_xir "${args[@]}"
