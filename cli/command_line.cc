// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <initializer_list>
#include <memory>
#include <vector>

#include "command.h"
#include "intarsia/error.h"

namespace intarsia::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// Errors go to stderr with the command line's name in front, whatever their origin.
int report(const std::exception& error, int code) {
  fmt::print(stderr, "intarsia: {}\n", error.what());
  return code;
}

void add_shared_options(CLI::App& parser, Session& session) {
  parser.add_option("--home", session.home, "folder of the instance (default: $INTARSIA_HOME, else ~/.intarsia)");
  parser.add_option("--db-url", session.db_url, "use this PostgreSQL server instead of the home's own");
  parser.add_flag("--json", session.as_json, "answer as JSON");
  parser.set_version_flag("--version", "intarsia " INTARSIA_VERSION);
  parser.set_help_flag("-h,--help", "show this");
  parser.require_subcommand(1);
  parser.fallthrough();  // shared options may also come after the command
}

int run(const std::function<void(Session&)>& body, Session& session) {
  try {
    body(session);
    return std::fflush(stdout) == 0 ? session.exit_code : kFailed;
  } catch (const std::exception& error) {
    return report(error, kFailed);
  }
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App parser("Tables for images, video, audio, documents and data, with columns that compute themselves.",
                  "intarsia");
  Session session;
  add_shared_options(parser, session);
  std::function<void(Session&)> chosen;
  for (const auto& family :
       {catalog_commands(), row_commands(), operation_commands(), server_commands(), home_commands()}) {
    for (const Command& command : family) {
      CLI::App* sub = parser.add_subcommand(command.name, command.summary);
      sub->final_callback([body = command.declare(*sub), &chosen] { chosen = body; });
    }
  }
  try {
    parser.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return parser.exit(help);
  } catch (const CLI::ParseError& error) {
    return report(error, kUsage);
  }
  return run(chosen, session);
}

}  // namespace intarsia::cli
