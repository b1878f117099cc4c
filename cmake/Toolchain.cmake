# Compiler settings, the same for every target.
option(PENSTOCK_UNITY "Compile each library as few large units" OFF)
set(PENSTOCK_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
set(PENSTOCK_MARCH "x86-64-v3" CACHE STRING "Baseline instruction set")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_compile_options(-Wall -Wextra -Werror -Wno-missing-field-initializers)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-march=${PENSTOCK_MARCH})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives from inlined std:: code under these.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer -Wno-nonnull)
  # In a unity build no source is the main file, so that anonymous namespaces look like those of a header.
  add_compile_options(-Wno-subobject-linkage)
else()
  # Without a time stamp a precompiled header is the same bytes each time, so that ccache finds what uses it.
  add_compile_options(-Wthread-safety -Wno-unused-command-line-argument "SHELL:-Xclang -fno-pch-timestamp")
endif()
if(PENSTOCK_SANITIZE)
  add_compile_options(-fsanitize=${PENSTOCK_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PENSTOCK_SANITIZE})
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
