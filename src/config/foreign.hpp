// Words of supervisord, systemd and compose, answered with cinit's own. Private to config/.
#pragma once

#include <string>
#include <string_view>

namespace cinit::config {

// What stands here for a key of a service, whatever its case and with "-" or "_": `; here it is working-dir`. Empty: it is no
// key of those programs.
std::string explain_foreign_key(std::string_view key);

// The same for a table: `; services are tables [service.NAME] here`.
std::string explain_foreign_table(std::string_view name);

// What a reference in the form of supervisord is here: "%(ENV_X)s is ${X} here". Empty: `text` holds none.
std::string explain_foreign_reference(std::string_view text);

}  // namespace cinit::config
