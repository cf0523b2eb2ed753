# Sourced by scripts/demo and scripts/test: the packages they need, and a configured build folder.

exec </dev/null  # nothing here asks; with standard input closed, the next file that is opened would take its place

# name|who needs it|what it is for
#   demo: the main job. test: building and running the tests. optional: without it one part is left out with one line.
llsa_packages() {
  cat <<'LIST'
g++|demo|the C++20 compiler
cmake|demo|configures the build
ninja-build|demo|runs the build
pkg-config|demo|finds Cairo and Dear ImGui
libeigen3-dev|demo|matrices of the CPU reference
libfmt-dev|demo|text formatting
libcli11-dev|demo|command lines
nlohmann-json3-dev|demo|JSON files
libstb-dev|demo|PNG and JPEG decoding
zlib1g-dev|demo|data sets compressed with gzip
libcairo2-dev|demo|pictures and plots (PNG, SVG)
fonts-dejavu-core|demo|their text
libgtest-dev|test|tests
libgmock-dev|test|their matchers
librapidcheck-dev|test|property-based tests
python3|test|the checks of the documents
python3-venv|optional|an environment for the tests of the Python package
python3-dev|optional|the headers that its extension is compiled with
clang-format-14|optional|the check of the sources' format
libbenchmark-dev|optional|benchmarks
libdnnl-dev|optional|a faster product for training (oneDNN)
libboost-context-dev|optional|fibers that run the CUDA kernels on the CPU for tests
libboost-dev|optional|their headers
libglfw3-dev|optional|the viewer's window
libimgui-dev|optional|the viewer's panels
libopengl-dev|optional|the viewer's drawing
libgl-dev|optional|its headers
libegl-dev|optional|drawing without a display
libgl1-mesa-dri|optional|a software renderer for that
xvfb|optional|a display for the viewer's window test
LIST
}

say() { printf '%s\n' "$*"; }

# missing_packages COMMAND: of those that the command (demo or test) wants.
missing_packages() {
  local command=$1
  llsa_packages | while IFS='|' read -r name part why; do
    [ "$command" = test ] || [ "$part" = demo ] || continue
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || printf '%s|%s|%s\n' "$name" "$part" "$why"
  done
}

list_packages() { sed -E 's/^([^|]*)\|optional\|/  \1 (optional): /; s/^([^| ]*)\|[a-z]*\|/  \1: /'; }

# install_packages COMMAND MODE: COMMAND is demo or test, MODE is install or list. Fails when a package that is not
# optional is missing in the end.
install_packages() {
  local command=$1 mode=$2 missing names name part why sudo=
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "This is not Debian or Ubuntu. These packages (Debian's names) are needed; going on with what is found here:"
    llsa_packages | list_packages
    return 0
  fi
  missing=$(missing_packages "$command")
  [ -n "$missing" ] || return 0
  say "Packages wanted and not installed:"
  printf '%s\n' "$missing" | list_packages
  if [ "$mode" = list ]; then
    say "Nothing was installed (--no-install)."
    printf '%s\n' "$missing" | grep -qv '|optional|' || return 0
    say "Install them, or run again without --no-install."
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    sudo=$(command -v sudo) || { say "Installing them needs root or sudo; neither is at hand." >&2; return 1; }
  fi
  say "Installing them with apt-get ..."
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq || return 1
  names=
  while IFS='|' read -r name part why; do
    if [ "$part" = optional ] && ! apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then
      say "This system has no package $name; left out: $why"
    else
      names="$names $name"
    fi
  done <<<"$missing"
  [ -z "$names" ] || $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >/dev/null
}

# build_release COMMAND TARGET...: configures the preset `release` and builds the targets, all when none is named. For
# scripts/demo a new folder is configured with what the demo needs and no more; scripts/test adds the rest to the same
# folder, so that nothing is compiled twice. A folder that somebody configured otherwise stays as it is.
build_release() {
  local command=$1 folder=build/release
  shift
  if [ ! -f $folder/build.ninja ]; then
    cmake --preset release -DLLSA_DEMO_ONLY="$([ "$command" = demo ] && echo ON || echo OFF)" || return 1
  elif [ "$command" = test ] && grep -q '^LLSA_DEMO_ONLY:BOOL=ON' $folder/CMakeCache.txt; then
    cmake --preset release -DLLSA_DEMO_ONLY=OFF || return 1
  fi
  cmake --build --preset release ${1:+--target "$@"}
}
