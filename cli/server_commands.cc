// SPDX-License-Identifier: Apache-2.0
// status, start, stop: the instance and its server.
#include <fmt/format.h>

#include "command.h"

namespace intarsia::cli {
namespace {

using Body = std::function<void(Session&)>;

std::string state_of(const ServerStatus& server) {
  if (server.external) return "external";
  return server.running ? "running" : "stopped";
}

/// What can be told without a connection.
Record server_record(const Config& config, const ServerStatus& server) {
  Record record{{{"home", config.home.string()}, {"server", state_of(server)}}};
  if (server.running && !server.external) {
    record.fields.emplace_back("pid", server.pid);
    record.fields.emplace_back("up", duration_cell(server.uptime_seconds));
  }
  return record;
}

void add_instance_fields(Record& record, const InstanceStatus& instance) {
  record.fields.emplace_back("PostgreSQL", instance.server_version);
  record.fields.emplace_back("size", size_cell(instance.size_bytes));
  record.fields.emplace_back("connections", instance.connections);
  record.fields.emplace_back("directories", instance.directories);
  record.fields.emplace_back("tables", instance.tables);
  record.fields.emplace_back("views", instance.views);
}

Body declare_status(CLI::App& parser) {
  parser.footer("Starts nothing: of a stopped instance it tells only that it is stopped.");
  return [](Session& session) {
    const Config config = session.config();
    const ServerStatus server = server_status(config);
    Record record = server_record(config, server);
    if (server.running || server.external) add_instance_fields(record, session.database().status());
    session.show(record);
  };
}

Body declare_start(CLI::App&) {
  return [](Session& session) {
    static_cast<void>(session.database());
    const Config config = session.config();
    session.show(server_record(config, server_status(config)));
  };
}

Body declare_stop(CLI::App& parser) {
  parser.footer("Connected programs are cut off; what they committed is safe. The next use starts the server again.");
  return [](Session& session) {
    const Config config = session.config();
    stop_server(config);
    session.show(server_record(config, server_status(config)));
  };
}

constexpr Command kCommands[] = {
    {"status", "show the instance: its home, its server, its size", declare_status},
    {"start", "start the home's server", declare_start},
    {"stop", "stop the home's server", declare_stop},
};

}  // namespace

std::span<const Command> server_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
