#include "config/shell_script.hpp"

#include <doctest/doctest.h>

using cinit::config::find_shell_script;

TEST_CASE("the operand of sh -c is a script, for every shell and all ways to write the options") {
  CHECK(find_shell_script({"sh", "-c", "x"}) == 2);
  CHECK(find_shell_script({"/bin/bash", "-c", "x", "name", "arg"}) == 2);
  CHECK(find_shell_script({"dash", "-ec", "x"}) == 2);
  CHECK(find_shell_script({"bash", "-lc", "x"}) == 2);
  CHECK(find_shell_script({"bash", "-c", "-e", "x"}) == 3);
  CHECK(find_shell_script({"sh", "-e", "-c", "x"}) == 3);
  CHECK(find_shell_script({"sh", "+x", "-c", "x"}) == 3);
  CHECK(find_shell_script({"bash", "-o", "pipefail", "-c", "x"}) == 4);
  CHECK(find_shell_script({"bash", "-eo", "pipefail", "-c", "x"}) == 4);
  CHECK(find_shell_script({"bash", "--norc", "--rcfile", "f", "-c", "x"}) == 5);
  CHECK(find_shell_script({"sh", "-c", "--", "x"}) == 3);
}

TEST_CASE("a shell is found behind programs that only start it") {
  CHECK(find_shell_script({"/usr/bin/env", "bash", "-c", "x"}) == 3);
  CHECK(find_shell_script({"busybox", "sh", "-c", "x"}) == 3);
  CHECK(find_shell_script({"setpriv", "--reuid", "1", "/bin/sh", "-ec", "x"}) == 5);
}

TEST_CASE("without a shell, or without -c, there is no script") {
  CHECK_FALSE(find_shell_script({}));
  CHECK_FALSE(find_shell_script({"sh"}));
  CHECK_FALSE(find_shell_script({"sh", "-c"}));
  CHECK_FALSE(find_shell_script({"sh", "script", "-c", "x"}));
  CHECK_FALSE(find_shell_script({"sh", "--", "script", "-c"}));
  CHECK_FALSE(find_shell_script({"nginx", "-c", "/etc/nginx.conf"}));
  CHECK_FALSE(find_shell_script({"push", "-c", "x"}));
  CHECK_FALSE(find_shell_script({"bash", "--rcfile", "-c"}));
}
