// SPDX-License-Identifier: Apache-2.0
#include "plan/read_plan.h"

#include <fmt/format.h>

#include <set>

#include "exec/decode.h"
#include "exec/row_set.h"
#include "intarsia/error.h"

namespace intarsia {

namespace {

const ColumnDef& column_in(const ScanSql& names, std::int64_t id, std::size_t& depth) {
  depth = names.depth_of(id);
  if (depth == names.chain().size())
    throw Error(ErrorCode::kColumnNotFound,
                fmt::format("'{}' has no column with the id {} (any more)", names.chain()[0]->path, id));
  return *names.chain()[depth]->find_column(id);
}

/// Adds what decoding needs until nothing is missing: arguments of an iterator may be outputs of another.
std::set<std::int64_t> with_inputs(const Tree& tree, const ScanSql& names, const std::vector<std::int64_t>& column_ids,
                                   std::set<std::size_t>& decoded_depths) {
  std::set<std::int64_t> all;
  std::vector<std::int64_t> open = column_ids;
  while (!open.empty()) {
    const std::int64_t id = open.back();
    open.pop_back();
    if (id < 0 || !all.insert(id).second) continue;
    std::size_t depth = 0;
    const ColumnDef& column = column_in(names, id, depth);
    if (column.stored) continue;
    if (!column.from_iterator)
      throw Error(ErrorCode::kInternal, fmt::format("column '{}' is neither stored nor decoded", column.name));
    if (decoded_depths.insert(depth).second)
      for (const std::int64_t input : Decode::inputs(tree, *names.chain()[depth])) open.push_back(input);
  }
  return all;
}

}  // namespace

ReadPlan plan_read(const Tree& tree, std::int64_t table_id, const std::vector<std::int64_t>& column_ids, bool notes) {
  const ScanSql names(tree, table_id);
  std::set<std::size_t> decoded_depths;
  const std::set<std::int64_t> all = with_inputs(tree, names, column_ids, decoded_depths);
  ReadPlan plan;
  ScanQuery& scan = plan.scan;
  scan.table_id = table_id;
  scan.items.push_back({kRowIdColumn, Type(TypeKind::kInt), ScanItem::Source::kRowId, {}});
  if (names.chain()[0]->has_iterator())
    scan.items.push_back({kParentIdColumn, Type(TypeKind::kInt), ScanItem::Source::kParentId, {}});
  for (const std::int64_t id : all) {
    std::size_t depth = 0;
    const ColumnDef& column = column_in(names, id, depth);
    if (!column.stored) continue;
    const bool has_notes = notes && has_note(column);
    scan.items.push_back(
        {id, has_notes ? column.type.as_nullable() : column.type, ScanItem::Source::kExpr, tree.column_expr(column)});
    if (has_notes) scan.items.push_back({id, Type(TypeKind::kJson, true), ScanItem::Source::kNote, {}});
  }
  for (auto depth = decoded_depths.rbegin(); depth != decoded_depths.rend(); ++depth) {
    plan.decoded.push_back(names.chain()[*depth]);
    if (!scan.decoded_depth) scan.decoded_depth = *depth;
  }
  return plan;
}

}  // namespace intarsia
