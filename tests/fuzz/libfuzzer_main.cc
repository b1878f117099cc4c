// The entry of a binary with one target, made by libFuzzer.
#include <cstdint>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  penstock::fuzz::targets().front().run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
