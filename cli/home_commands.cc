// SPDX-License-Identifier: Apache-2.0
// backup, restore: what keeps the instance's data.
#include "command.h"
#include "intarsia/backup.h"

namespace intarsia::cli {
namespace {

using Body = std::function<void(Session&)>;

Record record_of(const BackupInfo& info, const std::string& what, const std::string& where) {
  return Record{{{what, where},
                 {"size", size_cell(info.bytes)},
                 {"tables", info.tables},
                 {"rows", info.rows},
                 {"media files", info.files}}};
}

Body declare_backup(CLI::App& parser) {
  const auto path = std::make_shared<std::string>();
  parser.add_option("file", *path, "the file to write, or a folder for it")->required();
  parser.footer(
      "One tar file of what was published when it began: rows, history, the home's media files, settings without\n"
      "secrets. Others read and write meanwhile. Files outside of the home that cells name are not in it, nor are the\n"
      "Python modules of functions.");
  return [path](Session& session) {
    const BackupInfo info = write_backup(session.database(), *path);
    session.show(record_of(info, "written", info.path.string()));
  };
}

Body declare_restore(CLI::App& parser) {
  const auto path = std::make_shared<std::string>();
  parser.add_option("file", *path, "a file that `intarsia backup` wrote")->required();
  parser.footer("Into an empty home (--home), or an empty database (--db-url). The file is checked first.");
  return [path](Session& session) {
    const Config config = session.config();
    const BackupInfo info = restore_backup(config, *path);
    session.show(record_of(info, "restored to", config.home.string()));
  };
}

constexpr Command kCommands[] = {
    {"backup", "write everything into one file", declare_backup},
    {"restore", "make an instance of such a file", declare_restore},
};

}  // namespace

std::span<const Command> home_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
