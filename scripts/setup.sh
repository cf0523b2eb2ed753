# Sourced by scripts/demo and scripts/test: the packages they need, and a configured build folder.

# name|what it is for
llsa_packages() {
  cat <<'LIST'
g++|the C++20 compiler
cmake|configures the build
ninja-build|runs the build
pkg-config|finds Cairo and Dear ImGui
libeigen3-dev|matrices of the CPU reference
libfmt-dev|text formatting
libcli11-dev|command lines
nlohmann-json3-dev|JSON files
libstb-dev|PNG and JPEG decoding
zlib1g-dev|data sets compressed with gzip
libcairo2-dev|pictures and plots (PNG, SVG)
fonts-dejavu-core|their text
libgtest-dev|tests
librapidcheck-dev|property-based tests
libbenchmark-dev|benchmarks
libboost-context-dev|fibers that run the CUDA kernels on the CPU for tests
libboost-dev|their headers
libglfw3-dev|the viewer's window
libimgui-dev|the viewer's panels
libgl-dev|the viewer's drawing
libegl-dev|drawing without a display
libgl1-mesa-dri|a software renderer for that
xvfb|a display for the viewer's window test
LIST
}

say() { printf '%s\n' "$*"; }

missing_packages() {
  llsa_packages | while IFS='|' read -r name why; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || printf '%s|%s\n' "$name" "$why"
  done
}

# install_packages MODE: MODE is "install" or "list".
install_packages() {
  local mode=$1 missing sudo=
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "This is not Debian or Ubuntu. These packages (Debian's names) are needed; going on with what is found here:"
    llsa_packages | sed 's/|/: /; s/^/  /'
    return 0
  fi
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  say "Packages needed and not installed:"
  printf '%s\n' "$missing" | sed 's/|/: /; s/^/  /'
  if [ "$mode" = list ]; then
    say "Nothing was installed (--no-install). Install them, or run again without --no-install."
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    sudo=$(command -v sudo) || { say "Installing them needs root or sudo; neither is at hand." >&2; return 1; }
  fi
  say "Installing them with apt-get ..."
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      $(printf '%s\n' "$missing" | cut -d'|' -f1) >/dev/null
}

# build_release TARGET...: configures and builds the preset `release`; all targets when none is named.
build_release() {
  [ -f build/release/build.ninja ] || cmake --preset release || return 1
  cmake --build --preset release ${1:+--target "$@"}
}
