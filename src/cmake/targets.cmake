# How a target of this project is made: cinit_library and cinit_test, and the options that they share.

set(CMAKE_CXX_EXTENSIONS OFF)

# Without this ccache keeps nothing that is compiled with precompiled headers.
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache$")
  list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros)
endif()

# The language, and the warnings: for every file.
add_library(cinit_warnings INTERFACE)
target_compile_features(cinit_warnings INTERFACE cxx_std_20)
target_compile_definitions(cinit_warnings INTERFACE _GNU_SOURCE _LARGEFILE64_SOURCE)
target_compile_options(cinit_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef -Woverloaded-virtual
  # Designated and partial initializers rely on the default member initializers: that is no oversight.
  -Wno-missing-field-initializers
  # __FILE__ and debug information name files as the source tree does, wherever that is.
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")

# What goes into the binary: no exceptions and no RTTI, in every preset, so that neither creeps in.
add_library(cinit_product_options INTERFACE)
target_compile_options(cinit_product_options INTERFACE -fno-exceptions -fno-rtti -fvisibility=hidden)

# What the preset asks for: static or not, sanitizers, hardening.
add_library(cinit_options INTERFACE)
target_link_libraries(cinit_options INTERFACE cinit_warnings)
if(CINIT_STATIC)
  target_compile_options(cinit_options INTERFACE -ffunction-sections -fdata-sections -fno-pie)
  target_link_options(cinit_options INTERFACE -static -no-pie -Wl,--gc-sections)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(cinit_options INTERFACE -fno-omit-frame-pointer)
  target_compile_definitions(cinit_options INTERFACE _GLIBCXX_ASSERTIONS)
else()
  # No exceptions: no tables for unwinding, which are a fifth of the binary.
  target_compile_options(cinit_options INTERFACE -fno-asynchronous-unwind-tables -fno-unwind-tables)
  target_compile_options(cinit_options INTERFACE -fstack-protector-strong -fstack-clash-protection)
  target_compile_definitions(cinit_options INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(cinit_options INTERFACE -Wl,-z,relro,-z,now -s)
endif()
if(CINIT_SANITIZE)
  target_compile_options(cinit_options INTERFACE "-fsanitize=${CINIT_SANITIZE}" -fno-sanitize-recover=all
    # The product has no RTTI, without which the sanitizer cannot tell what its objects are, and shares templates with tests.
    -fno-sanitize=vptr)
  target_link_options(cinit_options INTERFACE "-fsanitize=${CINIT_SANITIZE}")
endif()
if(CINIT_FUZZ)
  # What tells libFuzzer which code an input has reached; optimized, because it runs so often.
  target_compile_options(cinit_options INTERFACE -fsanitize=fuzzer-no-link -O1)
endif()

# cinit_library(NAME SOURCES file... [ALONE file...] [PUBLIC_DEPS target...] [PRIVATE_DEPS target...])
#
# The folder src/NAME as the static library cinit_NAME. Its headers can be included as "NAME/file.hpp" by what links
# cinit_NAME, and by nothing else: the include directory of a target holds only a link to its own folder. So a folder that
# asks for one it must not know does not compile.
#
# In a unity build the SOURCES of a folder are one translation unit, because reading the headers takes most of the time.
# A file of SOURCES that is also named after ALONE is compiled by itself: it uses a name of its own that another file has, too.
function(cinit_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;ALONE;PUBLIC_DEPS;PRIVATE_DEPS")
  cinit_reject_unknown_arguments(cinit_library "${ARG_UNPARSED_ARGUMENTS}")
  set(view "${CMAKE_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/src/${name}" "${view}/${name}" SYMBOLIC)

  add_library(cinit_${name} STATIC ${ARG_SOURCES})
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_include_directories(cinit_${name} PUBLIC "${view}")
  target_link_libraries(cinit_${name}
    PUBLIC cinit_options ${ARG_PUBLIC_DEPS}
    PRIVATE cinit_product_options ${ARG_PRIVATE_DEPS})
endfunction()

# cinit_test(NAME SOURCES file... DEPS target... [LABEL label] [TIMEOUT seconds] [ENVIRONMENT variable])
#
# A doctest program; each of its TEST_CASEs becomes a test of CTest. Sources find the tree through CINIT_SOURCE_DIR.
function(cinit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LABEL;TIMEOUT;ENVIRONMENT" "SOURCES;DEPS")
  cinit_reject_unknown_arguments(cinit_test "${ARG_UNPARSED_ARGUMENTS}")
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  cinit_test_headers(${name})
  target_compile_definitions(${name} PRIVATE "CINIT_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
  target_link_libraries(${name} PRIVATE cinit_options cinit_test_main ${ARG_DEPS})
  # A name that CTest and doctest read differently would select no test case, and so succeed.
  set(properties LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} FAIL_REGULAR_EXPRESSION "test cases: +0 ")
  if(ARG_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${ARG_ENVIRONMENT}")
  endif()
  doctest_discover_tests(${name} PROPERTIES ${properties})
endfunction()

# Lets the sources of a test target begin with doctest's and the standard library's headers, compiled once for all targets.
function(cinit_test_headers target)
  target_precompile_headers(${target} REUSE_FROM cinit_test_main)
endfunction()

function(cinit_reject_unknown_arguments function arguments)
  if(arguments)
    message(FATAL_ERROR "${function}: unknown arguments: ${arguments}")
  endif()
endfunction()
