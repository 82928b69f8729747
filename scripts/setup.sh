# shellcheck shell=bash
# Sourced by the other scripts (or run on its own): makes sure that the packages of
# packages.txt are there. On Debian 12 it installs what is missing and says what that
# is; elsewhere it names what is missing and stops. Needs no network, and well under
# a second, when nothing is missing.

dpuopt_fields() { # prints "package marker probe" per line of packages.txt
  sed -e 's/#.*//' "$(dirname "${BASH_SOURCE[0]}")/packages.txt" |
    awk 'NF { marker = sub(/^\?/, "", $1) ? "optional" : "needed"; print $1, marker, $2 }'
}

dpuopt_on_debian12() {
  [ -r /etc/os-release ] && (. /etc/os-release; [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ])
}

dpuopt_missing_debian() { # all that is missing, if anything needed is
  local name marker rest installed missing="" needed=""
  installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' 2>/dev/null)"
  while read -r name marker rest; do
    case "$installed" in *" $name:installed "*) continue ;; esac
    missing="$missing $name"
    [ "$marker" = needed ] && needed=yes
  done < <(dpuopt_fields)
  [ -z "$needed" ] || echo "$missing"
}

dpuopt_missing_elsewhere() { # "package (file)" for each needed file that is not there
  local name marker probe
  while read -r name marker probe; do
    [ "$marker" = needed ] || continue
    case "$probe" in
      bin/*) command -v "${probe#bin/}" >/dev/null 2>&1 && continue ;;
    esac
    [ -e "/usr/$probe" ] || [ -e "/usr/local/$probe" ] || echo "  $name ($probe)"
  done < <(dpuopt_fields)
}

dpuopt_install() { # dpuopt_install package...
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "setup: packages are missing and there is neither root nor sudo; as root, run:" >&2
      echo "  apt-get install --no-install-recommends $*" >&2
      return 2
    fi
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  local options=(-y -q --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  echo "setup: installing $# packages (and what they depend on): $*"
  "${as_root[@]}" apt-get -q update </dev/null || echo "setup: apt-get update failed; trying with the package lists at hand" >&2
  if ! "${as_root[@]}" apt-get "${options[@]}" install "$@" </dev/null; then
    echo "setup: apt-get could not install: $*" >&2
    return 2
  fi
}

dpuopt_setup() {
  local missing
  if dpuopt_on_debian12 && command -v apt-get >/dev/null 2>&1; then
    missing=$(dpuopt_missing_debian)
    # shellcheck disable=SC2086 # a list of words
    [ -z "$missing" ] || dpuopt_install $missing
    return
  fi
  missing=$(dpuopt_missing_elsewhere)
  [ -z "$missing" ] && return
  {
    echo "setup: this is not Debian 12, so nothing is installed for you. Missing (Debian's names):"
    echo "$missing"
    echo "setup: install them, then run this script again."
  } >&2
  return 2
}

dpuopt_setup || exit $?
