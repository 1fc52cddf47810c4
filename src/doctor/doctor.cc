// SPDX-License-Identifier: Apache-2.0
#include "intarsia/doctor.h"

#include <fmt/format.h>

#include "catalog/schema.h"
#include "doctor/catalog_checks.h"
#include "doctor/findings.h"
#include "doctor/home_checks.h"
#include "doctor/media_checks.h"
#include "doctor/server_checks.h"
#include "exec/engine.h"
#include "intarsia/error.h"
#include "server/server.h"

namespace intarsia {
namespace {

/// Calls one part; what it throws is a finding.
void attempt(const std::string& where, const std::string& what, Findings& findings, const std::function<void()>& part) {
  try {
    part();
  } catch (const std::exception& error) {
    findings.add(where, what, error.what());
  }
}

std::string server_name(const Config& config) {
  return config.db_url.empty() ? "the server of " + config.home.string() : "the server of db_url";
}

/// A newer catalog is not looked into.
bool knows_catalog(const std::string& conninfo, Findings& findings) {
  Connection connection(conninfo);
  if (connection.query("select to_regclass('intarsia.instance') is not null").int_at(0, 0) == 0) return true;
  const std::int64_t format = connection.query("select max(format)::bigint from intarsia.instance").int_at(0, 0);
  if (format <= kCatalogFormat) return true;
  findings.add("catalog",
               fmt::format("its format {} is of a newer Intarsia; this one reads up to {}", format, kCatalogFormat),
               "pip install --upgrade intarsia");
  return false;
}

void check_instance(const Config& config, Findings& findings) {
  bool usable = false;
  attempt(server_name(config), "it cannot be used", findings,
          [&] { usable = knows_catalog(ensure_server(config), findings); });
  if (!usable) return;
  std::unique_ptr<Engine> engine;
  attempt(server_name(config), "its catalog cannot be opened", findings,
          [&] { engine = std::make_unique<Engine>(config); });
  if (engine == nullptr) return;
  if (config.db_url.empty())
    attempt(server_name(config), "its data could not be looked at", findings,
            [&] { check_server(*engine->connect(), findings); });
  attempt("catalog", "it could not be looked at", findings, [&] { check_catalog(*engine, findings); });
  attempt("media", "they could not be looked at", findings, [&] { check_media(*engine, findings); });
}

void check_all(const Config& config, Findings& findings) {
  if (!check_home(config, findings)) return;
  if (config.db_url.empty() && !check_ownership(config, findings)) return;
  check_instance(config, findings);
}

}  // namespace

std::vector<Finding> examine(const std::vector<std::pair<std::string, std::string>>& overrides, bool fix) {
  Findings findings(fix);
  attempt("instance", "it could not be looked at", findings, [&] { check_all(Config::load(overrides), findings); });
  return findings.take();
}

}  // namespace intarsia
