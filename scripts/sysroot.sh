#!/usr/bin/env bash
# Makes build-sysroot-aarch64/: Debian 12's arm64 libraries, unpacked for the cross compiler. Needs neither root nor
# a foreign architecture in dpkg. Takes a tenth of a second and no network when it is there already.
#   DPUOPT_DEBIAN_MIRROR   instead of http://deb.debian.org
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD/build-sysroot-aarch64
work=$root.work # a killed run leaves its downloads here for the next one
mirror=${DPUOPT_DEBIAN_MIRROR:-http://deb.debian.org}
# With headers, but not linked by a build for boards.
unused=" libdnnl-dev libonnx-dev libtarget-factory-dev libprotobuf-dev libopenmpi-dev "
alone=" llvm-14-dev " # without what it depends on, which is all of LLVM

fail() { echo "sysroot: $*" >&2; exit 2; }

wanted() { # the packages of packages.txt that have headers
  printf '%s\n' libc6-dev libstdc++-12-dev libncurses-dev
  sed -e 's/#.*//' -e 's/^?//' scripts/packages.txt | awk '$2 ~ /(^|\/)include\// { print $1 }' |
    while read -r name; do case "$unused" in *" $name "*) ;; *) echo "$name" ;; esac; done
}

# An apt of its own, which knows arm64 only and no installed package.
configure_apt() {
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/none"
  : >"$work/status"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r $key ] || fail "needs Debian's keys: the package debian-archive-keyring"
  echo "deb [signed-by=$key] $mirror/debian bookworm main" >"$work/sources.list"
  echo "deb [signed-by=$key] $mirror/debian-security bookworm-security main" >>"$work/sources.list"
  cat >"$work/apt.conf" <<END
APT { Architecture "arm64"; Architectures { "arm64"; }; Sandbox::User ""; Install-Recommends "0"; };
Dir { State "$work"; State::lists "$work/lists"; State::status "$work/status";
      Cache "$work"; Cache::archives "$work/archives";
      Etc::sourcelist "$work/sources.list"; Etc::sourceparts "$work/none"; Etc::preferencesparts "$work/none"; };
Acquire { Retries "3"; Languages "none"; }; Debug::NoLocking "1";
END
  export APT_CONFIG=$work/apt.conf
}

download() {
  local name closed=()
  for name in "$@"; do case "$alone" in *" $name "*) ;; *) closed+=("$name") ;; esac; done
  apt-get -qq update </dev/null || fail "cannot read the package lists of $mirror"
  apt-get -qq autoclean # of an earlier run that was killed
  apt-get -qq -y --download-only install "${closed[@]}" </dev/null || fail "cannot download the packages"
  # shellcheck disable=SC2086 # a list of words
  (cd "$work/archives" && apt-get -qq download $alone </dev/null) || fail "cannot download$alone"
}

unpack() { # folder
  local deb
  rm -rf "$1"
  mkdir -p "$1/usr/lib"
  ln -s usr/lib "$1/lib" # some packages still have /lib
  for deb in "$work"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --no-same-owner --keep-directory-symlink \
      --exclude './usr/share/doc*' --exclude './usr/share/man*' --exclude './usr/share/locale*' --exclude './etc*'
  done
}

make_links_relative() { # folder; an absolute one would lead to the host's files
  local link up
  find "$1" -type l -lname '/*' -printf '%P\n' | while read -r link; do
    up=$(dirname "$link" | sed -e 's,[^/][^/]*,..,g')
    ln -sfn "$up$(readlink "$1/$link")" "$1/$link"
  done
}

for tool in apt-get dpkg-deb flock; do
  command -v $tool >/dev/null || fail "needs $tool: this works on Debian and its relatives"
done
# What this was made of: the packages asked for, and how they are unpacked.
made_of=$(wanted | cat - scripts/sysroot.sh | sha256sum | cut -d' ' -f1)
is_made() { [ "$(cat "$root/made-of" 2>/dev/null)" = "$made_of" ]; }
is_made && exit 0

mkdir -p "$work"
exec 9>"$work/lock"
flock 9 # somebody else may be making it
is_made && exit 0
echo "sysroot: making $root (65 MB of packages)"
rm -rf "$work/old"
mapfile -t packages < <(wanted)
configure_apt
download "${packages[@]}"
unpack "$work/unpacked"
make_links_relative "$work/unpacked"
echo "$made_of" >"$work/unpacked/made-of"
[ ! -e "$root" ] || mv -T "$root" "$work/old"
mv -T "$work/unpacked" "$root"
rm -rf "$work/old" "$work/archives" "$work/lists"
echo "sysroot: made $root"
