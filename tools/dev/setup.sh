# shellcheck shell=bash
# What the project needs from Debian 12, installed by `./dev setup`. A second run does nothing.

PACKAGES=(
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev g++ cmake ninja-build ccache mold pkg-config git ca-certificates
  libboost1.81-dev libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libprotobuf-c-dev libabsl-dev
  librocksdb-dev libfmt-dev libspdlog-dev libcli11-dev libtomlplusplus-dev libyaml-cpp-dev libpg-query-dev libsimdjson-dev
  nlohmann-json3-dev libre2-dev zlib1g-dev liblz4-dev libzstd-dev libxxhash-dev libssl-dev openssl libcurl4-openssl-dev libgtest-dev libgmock-dev
  libbenchmark-dev prometheus-cpp-dev libpq-dev postgresql-client python3 python3-venv sqlite3 zstd
)
PYTHON_PACKAGES=("psycopg[binary]==3.2.*" "pytest==8.*" "duckdb==1.*")

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
  done
}

cmd_setup() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} -gt 0 ]; then
    echo "dev: installing ${#missing[@]} Debian packages: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  fi
  if [ "${1:-}" != "--no-python" ] && [ ! -f .venv/.complete ]; then
    echo "dev: making .venv for the end-to-end tests: ${PYTHON_PACKAGES[*]}"
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check "${PYTHON_PACKAGES[@]}"
    touch .venv/.complete
  fi
}
