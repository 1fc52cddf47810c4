// SPDX-License-Identifier: Apache-2.0
// The SQL that reads a table, from a catalog made by hand: no server is needed.
#include "plan/scan_sql.h"

#include <gtest/gtest.h>

#include "intarsia/error.h"
#include "plan/query_plan.h"

namespace intarsia {
namespace {

ColumnDef column(std::int64_t table_id, std::int64_t id, const std::string& name, const Type& type) {
  ColumnDef column;
  column.id = id;
  column.table_id = table_id;
  column.name = name;
  column.type = type;
  column.position = 1;
  return column;
}

/// A table 1 (n, video, an embedding family), a view 2 of its frames, and a filter view 3 on that.
Tree sample_tree() {
  Tree tree;
  tree.id = 9;
  tree.schema_version = 4;
  TableDef base;
  base.id = 1;
  base.path = "videos";
  base.rows_table_name = base.rows_table();
  base.columns = {column(1, 11, "n", {TypeKind::kInt, true}), column(1, 12, "video", TypeKind::kVideo),
                  column(1, 13, "brightness", {TypeKind::kFloat, true})};
  base.columns[2].value = Expr(1.0);
  base.generations = {{70, "fam_1_70", {13}, false}};
  TableDef frames;
  frames.id = 2;
  frames.base_id = 1;
  frames.path = "frames";
  frames.rows_table_name = frames.rows_table();
  frames.iterator = Expr(1);  // any
  frames.columns = {column(2, 21, "pos", TypeKind::kInt), column(2, 22, "frame", TypeKind::kImage),
                    column(2, 23, "label", TypeKind::kString)};
  frames.columns[0].position = 0;
  frames.columns[0].from_iterator = frames.columns[1].from_iterator = true;
  frames.columns[1].stored = false;
  TableDef chosen;
  chosen.id = 3;
  chosen.base_id = 2;
  chosen.path = "chosen";
  chosen.rows_table_name = chosen.rows_table();
  for (TableDef* table : {&base, &frames, &chosen}) tree.tables.emplace(table->id, *table);
  return tree;
}

Expr expr_of(const Tree& tree, std::int64_t table_id, std::int64_t column_id) {
  return tree.column_expr(*tree.find_column(table_id, column_id));
}

TEST(ScanSqlTest, JoinsOnlyWhatIsNamed) {
  const Tree tree = sample_tree();
  ScanSql scan(tree, 3);
  EXPECT_EQ(scan.from(), "rows_3 t0");
  EXPECT_EQ(scan.column(23), "t1.c23");
  EXPECT_EQ(scan.from(), "rows_3 t0 join rows_2 t1 on t1.row_id = t0.row_id");
  EXPECT_EQ(scan.column(21), "t1.pos");
  EXPECT_EQ(scan.column(13), "f70.c13");
  EXPECT_EQ(scan.note(13), "f70.c13_note");
  EXPECT_EQ(scan.note(11), "");
  EXPECT_EQ(scan.from(),
            "rows_3 t0 join rows_2 t1 on t1.row_id = t0.row_id join rows_1 t2 on t2.row_id = t1.parent_id "
            "left join fam_1_70 f70 on f70.row_id = t2.row_id");
}

TEST(ScanSqlTest, AnUnknownColumnIsNotFound) {
  const Tree tree = sample_tree();
  try {
    (void)ScanSql(tree, 1).column(23);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kColumnNotFound);
  }
}

TEST(ScanSqlTest, WhatIsDecodedHasNoSql) {
  const Tree tree = sample_tree();
  EXPECT_FALSE(ScanSql(tree, 2).translate(expr_of(tree, 2, 22)));
  EXPECT_FALSE(ScanSql(tree, 2).translate(Expr::call("string.upper", {expr_of(tree, 2, 23)})));
}

TEST(ScanSqlTest, WhatHasAnErrorNamesTheNoteAsItsIndexDoes) {
  const Tree tree = sample_tree();
  const Expr of_computed = Expr::call("cell.errortype", {expr_of(tree, 1, 13)});
  EXPECT_EQ(ScanSql(tree, 1).translate(Expr::call("op.is_not_null", {of_computed})),
            "(f70.c13_note is not null and (f70.c13_note -> 'error' ->> 'type') is not null)");
  const Expr of_given = Expr::call("cell.errormsg", {expr_of(tree, 1, 11)});
  EXPECT_EQ(ScanSql(tree, 1).translate(Expr::call("op.is_not_null", {of_given})), "false");
}

TEST(ScanSqlTest, LiteralsAreParametersOfPreparedStatementsAndTextOfOthers) {
  const Tree tree = sample_tree();
  const Expr condition = expr_of(tree, 1, 11) == 5;
  EXPECT_EQ(ScanSql(tree, 1).translate(condition), "((t0.c11 = '5'::bigint))");
  ScanSql scan(tree, 1);
  SqlParameters parameters;
  EXPECT_EQ(SqlText(scan, &parameters).translate(condition), "((t0.c11 = $1))");
  EXPECT_EQ(parameters.size(), 1);
}

TEST(ScanSqlTest, LiteralsReadBackTheSame) {
  EXPECT_EQ(sql_literal(TypeKind::kString, "it's \\ so"), " E'it''s \\\\ so'::text");
  EXPECT_EQ(sql_literal(TypeKind::kFloat, 0.1), "'0.1'::float8");
  EXPECT_EQ(sql_literal(TypeKind::kFloat, Value(std::int64_t{2})), "'2'::float8");
  EXPECT_EQ(sql_literal(TypeKind::kTimestamp, Timestamp{-1}), "'1969-12-31 23:59:59.999999+00'::timestamptz");
  EXPECT_EQ(sql_literal(TypeKind::kDate, Date{19'782}), "'2024-02-29'::date");
  EXPECT_EQ(sql_literal(TypeKind::kBinary, Binary{std::string("\0\xff", 2)}), " E'\\\\x00ff'::bytea");
  EXPECT_EQ(sql_literal(Type(TypeKind::kInt, true), Value()), "null::bigint");
  EXPECT_FALSE(sql_literal(TypeKind::kString, std::string("a\0b", 3)));
  EXPECT_FALSE(sql_literal(TypeKind::kJson, Json{"\"a\\u0000\""}));
}

TEST(QueryPlanTest, ConditionsAreSplitBetweenSqlAndTheEngine) {
  const Tree tree = sample_tree();
  const Expr n = expr_of(tree, 1, 11), label = expr_of(tree, 2, 23);
  QuerySpec spec;
  spec.table_id = 2;
  spec.where = {n > 1 && Expr::call("string.upper", {label}) == "X"};
  spec.items = {NamedExpr("n", n)};
  spec.limit = 5;
  const QueryPlan plan = plan_query(spec, tree);
  ASSERT_EQ(plan.scan.where.size(), 1U);
  ASSERT_EQ(plan.early_filters.size(), 1U);
  EXPECT_FALSE(plan.scan.limit);  // the engine drops rows first
  EXPECT_EQ(plan.limit, 5);
}

TEST(QueryPlanTest, OrderAndLimitGoToSqlOnlyTogether) {
  const Tree tree = sample_tree();
  const Expr n = expr_of(tree, 1, 11), label = expr_of(tree, 2, 23);
  QuerySpec spec;
  spec.table_id = 2;
  spec.items = {NamedExpr("n", n)};
  spec.order = {{n, false}};
  spec.limit = 5;
  const QueryPlan pushed = plan_query(spec, tree);
  EXPECT_EQ(pushed.scan.limit, 5);
  EXPECT_TRUE(pushed.sort.empty());
  EXPECT_TRUE(pushed.few_rows);
  spec.order = {{Expr::call("string.upper", {label}), true}};
  const QueryPlan sorted = plan_query(spec, tree);
  EXPECT_FALSE(sorted.scan.limit);
  EXPECT_EQ(sorted.sort.size(), 1U);
}

TEST(QueryPlanTest, ColumnsOfOtherTablesAreRefused) {
  const Tree tree = sample_tree();
  QuerySpec spec;
  spec.table_id = 1;
  spec.items = {NamedExpr("label", expr_of(tree, 2, 23))};
  try {
    (void)plan_query(spec, tree);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidExpression);
    EXPECT_STREQ(error.what(), "column 'label' is not of 'videos' or its bases");
  }
}

}  // namespace
}  // namespace intarsia
