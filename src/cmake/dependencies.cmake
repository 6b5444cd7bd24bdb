# The three libraries, as INTERFACE targets: cinit_dep_tomlplusplus, cinit_dep_spdlog, cinit_dep_doctest.
#
# Distributions ship them as headers and shared objects only, which a static binary cannot use, so only the headers are
# looked for; each library is compiled in one translation unit of ours. Where a header is not installed, it is fetched,
# pinned by commit (this way has not been tried where there is no network).
include(FetchContent)

# Makes the folder FOLDER of header directory ROOT visible as <...> to what links TARGET, and nothing else of ROOT: all of
# /usr/include on the command line would break a compiler that has another libc.
function(cinit_dep_headers target root folder)
  set(view "${CMAKE_BINARY_DIR}/dep-include/${target}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${root}/${folder}" "${view}/${folder}" SYMBOLIC)
  target_include_directories(${target} SYSTEM INTERFACE "${view}")
endfunction()

# Sets OUT to the directory that holds HEADER, installed or fetched from REPOSITORY at COMMIT, there in SUBDIRECTORY.
function(cinit_find_headers out header repository commit subdirectory)
  string(MAKE_C_IDENTIFIER "CINIT_DIR_OF_${header}" found)
  find_path(${found} "${header}")
  mark_as_advanced(${found})
  if(${found})
    set(${out} "${${found}}" PARENT_SCOPE)
    return()
  endif()
  message(STATUS "${header} is not installed: fetching ${repository}")
  string(MAKE_C_IDENTIFIER "${repository}" name)
  string(TOLOWER "${name}" name)
  # SOURCE_SUBDIR names a folder without a CMakeLists.txt: the headers are wanted, not the library's own targets.
  FetchContent_Declare(${name} GIT_REPOSITORY "https://github.com/${repository}.git" GIT_TAG ${commit}
                       SOURCE_SUBDIR none)
  FetchContent_MakeAvailable(${name})
  set(${out} "${${name}_SOURCE_DIR}/${subdirectory}" PARENT_SCOPE)
endfunction()

cinit_find_headers(root "toml++/toml.h" marzer/tomlplusplus 30172438cee64926dc41fdd9c11fb3ba5b2ba9de include)  # 3.4.0
add_library(cinit_dep_tomlplusplus INTERFACE)
cinit_dep_headers(cinit_dep_tomlplusplus "${root}" toml++)
# TOML_IMPLEMENTATION belongs into one source file. TOML_FLOAT_CHARCONV keeps std::locale out of the binary.
target_compile_definitions(cinit_dep_tomlplusplus INTERFACE
  TOML_HEADER_ONLY=0 TOML_ENABLE_FORMATTERS=0 TOML_EXCEPTIONS=0 TOML_FLOAT_CHARCONV=1)

add_library(cinit_dep_spdlog INTERFACE)
cinit_find_headers(root "spdlog/spdlog.h" gabime/spdlog 76fb40d95455f249bd70824ecfcae7a8f0930fa3 include)  # 1.10.0
cinit_dep_headers(cinit_dep_spdlog "${root}" spdlog)
cinit_find_headers(root "fmt/format.h" fmtlib/fmt a33701196adfad74917046096bf5a2aa0ab0bb50 include)  # 9.1.0
cinit_dep_headers(cinit_dep_spdlog "${root}" fmt)
target_compile_definitions(cinit_dep_spdlog INTERFACE
  SPDLOG_FMT_EXTERNAL SPDLOG_NO_EXCEPTIONS SPDLOG_NO_THREAD_ID SPDLOG_NO_TLS SPDLOG_DISABLE_DEFAULT_LOGGER
  FMT_HEADER_ONLY=1 FMT_USE_LOCALE=0 "FMT_STATIC_THOUSANDS_SEPARATOR=','")

if(CINIT_TESTS)
  cinit_find_headers(root "doctest/doctest.h" doctest/doctest b7c21ec5ceeadb4951b00396fc1e4642dd347e5f .)  # 2.4.9
  add_library(cinit_dep_doctest INTERFACE)
  cinit_dep_headers(cinit_dep_doctest "${root}" doctest)
  find_package(doctest QUIET)  # for doctest_discover_tests, which its package brings along
  if(NOT COMMAND doctest_discover_tests)
    find_file(CINIT_DOCTEST_CMAKE doctest.cmake REQUIRED PATHS "${root}/scripts/cmake" /usr/lib/cmake/doctest)
    include("${CINIT_DOCTEST_CMAKE}")
  endif()
endif()
