// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>

#include "session.h"

namespace intarsia::cli {

/// A command: help, parsing and running derive from its line in a table.
struct Command {
  const char* name;
  const char* summary;
  /// Declares the command's arguments on its parser and returns what runs once they are parsed.
  std::function<void(Session&)> (*declare)(CLI::App& parser);
};

/// The tables, one per family, in the order of the help.
[[nodiscard]] std::span<const Command> catalog_commands();
[[nodiscard]] std::span<const Command> row_commands();
[[nodiscard]] std::span<const Command> operation_commands();
[[nodiscard]] std::span<const Command> server_commands();
[[nodiscard]] std::span<const Command> home_commands();

/// Parses and runs; returns the exit code: 0, 1 when the command failed, 2 when it was called wrongly.
int run_command_line(int argc, const char* const* argv);

}  // namespace intarsia::cli
