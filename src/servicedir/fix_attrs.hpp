// Owners and modes that s6-overlay sets before the first hook, for volumes: the files of /etc/fix-attrs.d.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace cinit::servicedir {

inline constexpr char kFixAttrs[] = "/etc/fix-attrs.d";

// One line, such as "/var/lib/mysql true mysql,999:999 0600 0700".
struct AttributeRule {
  config::Location where;
  std::string path;                  // absolute; it may be a pattern of glob(7)
  bool recurses = false;             // below directories, too
  std::string user;                  // a name or a number
  std::optional<std::string> group;  // a name or a number; nothing: that of the user
  // Where there is no such user, or no such group.
  std::optional<uid_t> fallback_uid;
  std::optional<gid_t> fallback_gid;
  // Nothing ("-"): unchanged.
  std::optional<mode_t> file_mode;
  std::optional<mode_t> directory_mode;
};

struct AttributeRules {
  std::vector<AttributeRule> rules;
  std::vector<config::Problem> problems;
};

// Reads the text of a file: a rule a line; empty lines and those that begin with "#" are none. A line that cannot be
// understood is a problem, and no rule.
AttributeRules parse_attributes(const std::string& file, std::string_view text);

// Reads every file of a directory that is not hidden, in the order of the C locale. No directory: no rules. What cannot be
// read is a problem.
AttributeRules read_attributes(const std::string& directory);

// Carries the rules out, one by one; a path that does not exist is passed over. No link is followed: neither on the way down,
// where it is given to the new owner itself, nor as the path of a rule, whose parent directories may be links of root's all the
// same. A file with a second name in a directory of another user's is left alone: that may be a hard link to a file of root's.
// The fallback is for a user or a group that does not exist, and not for one that could not be looked up.
// Hidden files below a directory are left alone unless `hidden` (S6_FIX_ATTRS_HIDDEN).
// Returns what has gone wrong, in lines of their own, "FILE:LINE: PATH: ..."; nothing stops the rest. Of one rule no more than
// a few are told, and how many there were.
std::vector<std::string> apply_attributes(std::span<const AttributeRule> rules, bool hidden);

}  // namespace cinit::servicedir
