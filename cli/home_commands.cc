// SPDX-License-Identifier: Apache-2.0
// backup, restore, doctor: what keeps the instance's data.
#include <fmt/format.h>

#include "command.h"
#include "intarsia/backup.h"
#include "intarsia/doctor.h"

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

std::string line_of(const Finding& finding) {
  const char* done = finding.mended ? "mended: " : "";
  const char* hint = finding.mendable && !finding.mended ? " (--fix)" : "";
  return fmt::format("{}: {}; {}{}{}", finding.where, finding.what, done, finding.cure, hint);
}

void show_findings(Session& session, const std::vector<Finding>& findings) {
  Listing listing{{"where", "what", "cure", "mendable", "mended"}, {}};
  for (const Finding& finding : findings) {
    session.show(line_of(finding));
    listing.rows.push_back({finding.where, finding.what, finding.cure, finding.mendable, finding.mended});
    if (!finding.mended) session.exit_code = 1;
  }
  if (findings.empty()) session.show("all is well");
  if (session.as_json) session.show(listing);
}

Body declare_doctor(CLI::App& parser) {
  const auto fix = std::make_shared<bool>(false);
  parser.add_flag("--fix", *fix, "mend what can be mended without losing anything");
  parser.footer(
      "Looks at the home, its server and data, and for rows, files, operations and indexes that belong to nothing or "
      "are\n"
      "missing. A line for each finding: where, what, and the cure. Exit code 0: all is well, or mended. It may run "
      "while\n"
      "others work.");
  return [fix](Session& session) { show_findings(session, examine(session.overrides(), *fix)); };
}

constexpr Command kCommands[] = {
    {"backup", "write everything into one file", declare_backup},
    {"restore", "make an instance of such a file", declare_restore},
    {"doctor", "look for what is wrong with the instance, and mend it", declare_doctor},
};

}  // namespace

std::span<const Command> home_commands() {
  return kCommands;
}

}  // namespace intarsia::cli
