#include <doctest/doctest.h>

#include <algorithm>

#include "plans.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> names_in_order(const Plan& plan, const std::vector<ServiceId>& ids) {
  std::vector<std::string> names;
  for (const ServiceId id : ids) names.push_back(plan[id].spec.name);
  return names;
}

ServiceId find(const Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.services.begin(), plan.services.end(),
                                  [&](const PlannedService& planned) { return planned.spec.name == name; });
  REQUIRE(found != plan.services.end());
  return static_cast<ServiceId>(found - plan.services.begin());
}

// Names, sorted and with blanks between them.
std::string names(const Plan& plan, const std::vector<ServiceId>& ids) {
  std::vector<std::string> sorted = names_in_order(plan, ids);
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const std::string& name : sorted) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string waits_for(const Plan& plan, const std::string& name) {
  return names(plan, plan[find(plan, name)].waits_for);
}
std::uint32_t tier(const Plan& plan, const std::string& name) { return plan[find(plan, name)].stop_tier; }

std::string cycle_of(const config::Config& config) {
  const auto made = make_plan(config, {});
  const auto* cycle = std::get_if<DependencyCycle>(&made);
  if (!cycle) return "no cycle";
  const std::string message = cycle->to_problem().message;
  return message.substr(message.find(": ") + 2);
}

}  // namespace

TEST_CASE("after, before and requires all become an order, each service once") {
  const Plan plan = plan_of(config_of({
      service("app", {.after = {"db", "cache", "db"}, .required = {"db"}}),
      service("cache"),
      service("db", {.before = {"app"}}),
  }));
  CHECK(waits_for(plan, "app") == "cache db");
  CHECK(names(plan, plan[find(plan, "app")].required) == "db");
  CHECK(waits_for(plan, "db") == "");
  CHECK(names(plan, plan[find(plan, "db")].dependents) == "app");
  CHECK(names(plan, plan[find(plan, "cache")].dependents) == "app");
}

TEST_CASE("names that are not in the configuration are passed over") {
  const Plan plan = plan_of(config_of({service("app", {.after = {"gone"}, .before = {"lost"}, .required = {"off"}})},
                                      {.exit_code_from = "nobody"}));
  CHECK(waits_for(plan, "app") == "");
  CHECK(plan[find(plan, "app")].required.empty());
  CHECK_FALSE(plan.exit_code_from);
}

TEST_CASE("a service's stop tier is above those of all its dependents") {
  const Plan plan = plan_of(config_of({
      service("db"),
      service("cache"),
      service("app", {.after = {"db", "cache"}}),
      service("web", {.after = {"app"}}),
      service("report", {.after = {"db"}}),
  }));
  CHECK(tier(plan, "web") == 0);
  CHECK(tier(plan, "report") == 0);
  CHECK(tier(plan, "app") == 1);
  CHECK(tier(plan, "db") == 2);
  CHECK(tier(plan, "cache") == 2);
  CHECK(plan.tiers == 3);
}

TEST_CASE("services without an order are one tier") {
  const Plan plan = plan_of(config_of({service("a"), service("b"), service("c")}));
  CHECK(plan.tiers == 1);
}

TEST_CASE("a cycle is printed as a -> b -> c -> a") {
  CHECK(cycle_of(config_of({service("a", {.after = {"b"}}), service("b", {.required = {"c"}}),
                            service("c", {.after = {"a"}})})) == "a -> b -> c -> a");
}

TEST_CASE("a service that waits for itself is a cycle") {
  CHECK(cycle_of(config_of({service("a", {.after = {"a"}})})) == "a -> a");
}

TEST_CASE("before takes part in cycles, and what only leads to a cycle is not named") {
  CHECK(cycle_of(config_of({service("app", {.after = {"b"}}), service("b", {.after = {"c"}, .before = {"c"}}),
                            service("c")})) == "b -> c -> b");
}

TEST_CASE("a cycle names the place of its first service") {
  auto a = service("a", {.after = {"b"}});
  a.where = {"/etc/cinit.toml", 7, 1};
  const auto made = make_plan(config_of({a, service("b", {.after = {"a"}})}), {});
  REQUIRE(std::holds_alternative<DependencyCycle>(made));
  const config::Problem problem = std::get<DependencyCycle>(made).to_problem();
  CHECK(problem.where.line == 7);
  CHECK(problem.message == "services wait for each other: a -> b -> a");
}

TEST_CASE("a diamond is no cycle") {
  CHECK(cycle_of(config_of({service("a", {.after = {"b", "c"}}), service("b", {.after = {"d"}}),
                            service("c", {.after = {"d"}}), service("d")})) == "no cycle");
}

TEST_CASE("a chain may be long") {
  std::vector<config::Service> chain;
  for (int i = 0; i < 20000; ++i) {
    chain.push_back(service("s" + std::to_string(i), {.after = {"s" + std::to_string(i + 1)}}));
  }
  const Plan plan = plan_of(config_of(std::move(chain)));
  CHECK(plan.tiers == 20000);
}

TEST_CASE("what is not started by itself is wanted when something wanted requires it, through any number of others") {
  const Plan plan = plan_of(config_of({
      service("app", {.required = {"queue"}}),
      service("queue", {.autostart = false, .required = {"disk"}}),
      service("disk", {.autostart = false}),
      service("debug", {.autostart = false, .required = {"tracer"}}),
      service("tracer", {.autostart = false}),
      service("idle", {.autostart = false, .before = {"app"}}),
  }));
  for (const char* name : {"app", "queue", "disk"}) CHECK(plan[find(plan, name)].wanted_at_boot);
  for (const char* name : {"debug", "tracer", "idle"}) CHECK_FALSE(plan[find(plan, name)].wanted_at_boot);
}

TEST_CASE("the main command is the last, waits for everything that is wanted, and is stopped first") {
  const Plan plan =
      plan_of(config_of({service("db"), service("debug", {.autostart = false}), service("web", {.after = {"db"}})}),
              {"/usr/bin/server", "--port", "80"});
  REQUIRE(plan.main_command);
  CHECK(index_of(*plan.main_command) == 3);
  const PlannedService& main = plan[*plan.main_command];
  CHECK(main.role == Role::MainCommand);
  CHECK(main.spec.name == "server");
  CHECK(main.spec.command.size() == 3);
  CHECK(main.spec.restart == config::RestartPolicy::No);
  CHECK(main.spec.input == config::Input::Inherit);
  CHECK(main.required.empty());
  CHECK(waits_for(plan, "server") == "db web");
  CHECK(main.stop_tier == 0);
  CHECK(tier(plan, "web") == 1);
  CHECK(tier(plan, "db") == 2);
}

TEST_CASE("only a main command without services and without a chosen budget is never killed") {
  CHECK(plan_of(config_of({}), {"app"}).main_is_never_killed());
  CHECK_FALSE(plan_of(config_of({}, {.stop_timeout = 9s}), {"app"}).main_is_never_killed());
  CHECK_FALSE(plan_of(config_of({service("db")}), {"app"}).main_is_never_killed());
  CHECK_FALSE(plan_of(config_of({service("db")})).main_is_never_killed());
}

TEST_CASE("the budget is 9 s unless chosen, and keeps a quarter of it, 2 s at most, for the sweep") {
  CHECK(plan_of(config_of({service("a")})).stop.total == 9s);
  CHECK(plan_of(config_of({service("a")})).stop.reserve() == 2s);
  CHECK(plan_of(config_of({service("a")}, {.stop_timeout = 2s})).stop.reserve() == 500ms);
  CHECK(plan_of(config_of({service("a")}, {.stop_timeout = 0s})).stop.reserve() == 0s);
}

TEST_CASE("what a service leaves unset is taken from the container") {
  config::Container container;
  container.umask = config::FileMode{0027};
  container.working_dir = "/srv";
  const Plan plan = plan_of(
      config_of({service("a"), service("b", {.working_dir = "/b", .umask = config::FileMode{0077}})}, container),
      {"m"});
  CHECK(plan[find(plan, "a")].spec.umask->bits == 0027);
  CHECK(plan[find(plan, "a")].spec.working_dir == "/srv");
  CHECK(plan[find(plan, "b")].spec.umask->bits == 0077);
  CHECK(plan[find(plan, "b")].spec.working_dir == "/b");
  CHECK(plan[find(plan, "m")].spec.working_dir == "/srv");
}

TEST_CASE("exit-code-from names a service of the plan") {
  const Plan plan = plan_of(config_of({service("a"), service("b")}, {.exit_code_from = "b"}));
  REQUIRE(plan.exit_code_from);
  CHECK(*plan.exit_code_from == find(plan, "b"));
}

// ---- Hooks

TEST_CASE("boot hooks are the startup files and then pre-start, each after the one before") {
  const Plan plan =
      plan_of(with_hooks(config_of({}), {.pre_start = commands({"/opt/a", "b"})}), {}, {"/etc/my_init.d/10", "/etc/x"});
  CHECK(names_in_order(plan, plan.boot_hooks) ==
        std::vector<std::string>{"/etc/my_init.d/10", "/etc/x", "pre-start a", "pre-start b"});
  CHECK(waits_for(plan, "/etc/my_init.d/10") == "");
  CHECK(waits_for(plan, "/etc/x") == "/etc/my_init.d/10");
  CHECK(waits_for(plan, "pre-start a") == "/etc/x");
  CHECK(waits_for(plan, "pre-start b") == "pre-start a");
  CHECK(plan[find(plan, "/etc/x")].spec.command == std::vector<std::string>{"/etc/x"});
}

TEST_CASE("a hook is a oneshot that is never restarted, reads cinit's stdin, and has the time of [hooks] timeout") {
  config::Hooks hooks{.pre_start = {{"sh", "-c", "true"}}, .timeout = 5s};
  hooks.post_stop = commands({"bye"});
  const Plan plan = plan_of(with_hooks(config_of({service("a")}), std::move(hooks)));
  const PlannedService& boot = plan[find(plan, "pre-start sh")];
  CHECK(boot.role == Role::BootHook);
  CHECK(boot.spec.command.size() == 3);
  CHECK(boot.spec.type == config::ServiceType::Oneshot);
  CHECK(boot.spec.restart == config::RestartPolicy::No);
  CHECK(boot.spec.input == config::Input::Inherit);
  CHECK(boot.wanted_at_boot);
  CHECK(boot.start_timeout == 5s);
  const PlannedService& stop = plan[find(plan, "post-stop bye")];
  CHECK(stop.role == Role::StopHook);
  CHECK_FALSE(stop.wanted_at_boot);
  CHECK(stop.start_timeout == 5s);
  CHECK(plan[find(plan, "a")].start_timeout == 60s);
}

TEST_CASE("a start-timeout of 0 is none, and a main command has none") {
  const Plan plan = plan_of(config_of({service("a", {.start_timeout = 0s})}), {"main"});
  CHECK_FALSE(plan[find(plan, "a")].start_timeout);
  CHECK_FALSE(plan[*plan.main_command].start_timeout);
}

TEST_CASE("every service waits for the last boot hook, which is stopped after all of them") {
  const Plan plan = plan_of(
      with_hooks(config_of({service("app", {.after = {"db"}}), service("db")}), {.pre_start = commands({"a", "b"})}));
  CHECK(waits_for(plan, "app") == "db pre-start b");
  CHECK(waits_for(plan, "db") == "pre-start b");
  CHECK(plan[find(plan, "app")].required.empty());
  CHECK(tier(plan, "app") == 0);
  CHECK(tier(plan, "db") == 1);
  CHECK(tier(plan, "pre-start b") == 2);
  CHECK(tier(plan, "pre-start a") == 3);
}

TEST_CASE("post-start hooks wait for the services that are wanted, and the main command for the last of them") {
  const Plan plan = plan_of(with_hooks(config_of({service("db"), service("debug", {.autostart = false})}),
                                       {.pre_start = commands({"a"}), .post_start = commands({"b", "c"})}),
                            {"main"});
  CHECK(waits_for(plan, "post-start b") == "db pre-start a");
  CHECK(waits_for(plan, "post-start c") == "post-start b");
  CHECK(waits_for(plan, "main") == "db post-start c pre-start a");
  CHECK(index_of(*plan.main_command) == plan.services.size() - 1);
  CHECK(names_in_order(plan, plan.boot_hooks) == std::vector<std::string>{"pre-start a"});
}

TEST_CASE("stop hooks wait for nothing, and nothing waits for them") {
  const Plan plan = plan_of(
      with_hooks(config_of({service("db")}), {.pre_stop = commands({"b", "a"}), .post_stop = commands({"d", "c"})}),
      {"main"});
  CHECK(names_in_order(plan, plan.pre_stop_hooks) == std::vector<std::string>{"pre-stop b", "pre-stop a"});
  CHECK(names_in_order(plan, plan.post_stop_hooks) == std::vector<std::string>{"post-stop d", "post-stop c"});
  for (const char* name : {"pre-stop b", "pre-stop a", "post-stop d", "post-stop c"}) {
    CHECK(waits_for(plan, name) == "");
    CHECK(plan[find(plan, name)].dependents.empty());
  }
  CHECK(waits_for(plan, "main") == "db");
}

TEST_CASE("hooks are no services: a lone main command is never killed, however many there are") {
  const config::Hooks hooks{.pre_start = commands({"a"}),
                            .post_start = commands({"b"}),
                            .pre_stop = commands({"c"}),
                            .post_stop = commands({"d"})};
  CHECK_FALSE(plan_of(with_hooks(config_of({}), hooks)).has_services);
  CHECK(plan_of(with_hooks(config_of({}), hooks), {"main"}).main_is_never_killed());
  CHECK_FALSE(plan_of(with_hooks(config_of({}, {.stop_timeout = 9s}), hooks), {"main"}).main_is_never_killed());
  const Plan plan = plan_of(with_hooks(config_of({service("db")}), hooks), {"main"});
  CHECK(plan.has_services);
  CHECK_FALSE(plan.main_is_never_killed());
}

TEST_CASE("hooks take umask and directory of the container") {
  config::Container container;
  container.umask = config::FileMode{0027};
  container.working_dir = "/srv";
  const Plan plan = plan_of(with_hooks(config_of({}, container), {.pre_start = commands({"a"})}));
  CHECK(plan[find(plan, "pre-start a")].spec.umask->bits == 0027);
  CHECK(plan[find(plan, "pre-start a")].spec.working_dir == "/srv");
}
