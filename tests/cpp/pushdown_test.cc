// SPDX-License-Identifier: Apache-2.0
// Both sides agree: every function that claims SQL gives in PostgreSQL what its kernel gives, over cells chosen to tell
// the two apart.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "exec/evaluate.h"
#include "exec/read_rows.h"
#include "exec/scan.h"
#include "function/json_value.h"
#include "intarsia/intarsia.h"
#include "plan/scan_query.h"

namespace intarsia {
namespace {

constexpr std::int64_t kRows = 24;

struct SampleColumn {
  std::string name;
  Type type;
  std::vector<Value> cells;  // repeated
};

const std::vector<SampleColumn>& sample_columns() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  static const std::vector<SampleColumn> columns = {
      {"i", {TypeKind::kInt, true}, {0, 1, -1, 7, -7, {}, 100, INT64_MAX, INT64_MIN + 1, Value(kExact + 1), 2, -3}},
      {"k", {TypeKind::kInt, true}, {3, -2, {}, 1, 10, 63, 0, -1}},
      {"f", {TypeKind::kFloat, true}, {0.0, -0.0, 1.5, -2.5, {}, std::nan(""), kInfinity, -kInfinity, 1e300, 0.1, 2.0}},
      {"g", {TypeKind::kFloat, true}, {std::nan(""), 1.5, {}, -0.5, 3.0}},
      {"s",
       {TypeKind::kString, true},
       {"",
        "abc",
        "ABC",
        {},
        "a%b_c",
        "\u00e9t\u00e9",
        "e\u0301",
        "  x y ",
        "12",
        "-1.5",
        "\\",
        "'",
        "z\U0001F600",
        "True"}},
      {"p", {TypeKind::kString, true}, {"b", "", "A", {}, "%", "\u00e9", "2", "\\"}},
      {"b", {TypeKind::kBool, true}, {true, false, {}}},
      {"c", {TypeKind::kBool, true}, {false, {}, true, true}},
      {"t",
       {TypeKind::kTimestamp, true},
       {Timestamp{0}, Timestamp{-1}, {}, Timestamp{1'709'251'199'999'999}, Timestamp{-62'000'000'000'000'000}}},
      {"d", {TypeKind::kDate, true}, {Date{0}, Date{-1}, {}, Date{19'782}, Date{-700'000}}},
      {"u", {TypeKind::kUuid, true}, {Uuid::parse("00000000-0000-4000-8000-00000000000a"), {}, Uuid{}}},
      {"j",
       {TypeKind::kJson, true},
       {Json{"{\"k\": 1, \"l\": [1, \"x\", {\"k\": null}]}"},
        Json{"[1, 2.5, null]"},
        {},
        Json{"5"},
        Json{"\"abc\""},
        Json{"true"},
        Json{"{}"},
        Json{"{\"k\": \"abc\"}"},
        Json{"1.0"},
        Json{"{\"k\": [5, [6]]}"},
        Json{"[]"}}},
      {"x", {TypeKind::kBinary, true}, {Binary{"a"}, {}, Binary{std::string("\0b", 2)}, Binary{""}}},
  };
  return columns;
}

std::vector<Expr> literals(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt:
      return {Expr(0), Expr(3), Expr(-4)};
    case TypeKind::kFloat:
      return {Expr(1.5), Expr(-0.0)};
    case TypeKind::kString:
      return {Expr("abc"), Expr("\u00e9"), Expr("'\\%")};
    case TypeKind::kBool:
      return {Expr(true), Expr(false)};
    case TypeKind::kDate:
      return {Expr(Value(Date{19'782}))};
    case TypeKind::kTimestamp:
      return {Expr(Value(Timestamp{-1}))};
    default:
      return {};
  }
}

class PushdownTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    home_ = std::filesystem::temp_directory_path() / fmt::format("intarsia-pushdown-test-{}", getpid());
    db_ = std::make_unique<Database>(Database::open(Config::load({{"home", home_.string()}})));
    std::vector<ColumnSpec> specs;
    std::vector<std::string> names;
    std::vector<Column> columns;
    for (const SampleColumn& sample : sample_columns()) {
      specs.push_back({sample.name, sample.type});
      names.push_back(sample.name);
      ColumnBuilder cells(sample.type);
      for (std::size_t row = 0; row < kRows; ++row) cells.append(sample.cells[row % sample.cells.size()]);
      columns.push_back(cells.finish());
    }
    table_ = std::make_unique<Table>(db_->create_table("samples", specs));
    table_->insert(Batch(names, columns));
    read_columns();
  }
  static void TearDownTestSuite() {
    table_ = nullptr;
    db_ = nullptr;
    stop_server(Config::load({{"home", home_.string()}}));
    std::filesystem::remove_all(home_);
  }

  static void read_columns() {
    tree_ = db_->engine()->trees().of_table(table_->id());
    std::vector<std::int64_t> ids;
    for (const ColumnDef* column : tree_->columns_of(table_->id())) {
      ids.push_back(column->id);
      exprs_.emplace(column->name, tree_->column_expr(*column));
    }
    rows_ = *read_rows(*db_->engine(), tree_, table_->id(), ids, {})->next();
  }

  /// Arguments worth trying for a parameter.
  static std::vector<Expr> candidates(const Parameter& parameter) {
    std::vector<Expr> found;
    for (const auto& [name, column] : exprs_)
      if (parameter.any_kind || column.type().kind() == parameter.type.kind()) found.push_back(column);
    for (const auto& [name, column] : exprs_)
      if (parameter.any_kind || column.type().kind() == parameter.type.kind())
        for (const Expr& literal : literals(column.type().kind()))
          if (name == "i" || name == "f" || name == "s" || name == "b" || name == "t" || name == "d")
            found.push_back(literal);
    return found;
  }

  /// Calls of a function with every combination of its candidates; those that its types refuse are left out.
  static std::vector<Expr> calls_of(const Function& function) {
    std::vector<std::vector<Expr>> arguments{{}};
    for (const Parameter& parameter : function.parameters) {
      if (parameter.default_value || parameter.keyword_only) break;
      std::vector<std::vector<Expr>> longer;
      for (const std::vector<Expr>& known : arguments)
        for (const Expr& candidate : candidates(parameter)) {
          longer.push_back(known);
          longer.back().push_back(candidate);
        }
      arguments = std::move(longer);
    }
    std::vector<Expr> calls;
    for (std::vector<Expr>& args : arguments) {
      try {
        calls.push_back(Expr::call(function.name, std::move(args)));
      } catch (const Error&) {
      }
    }
    return calls;
  }

  /// The cells that PostgreSQL gives; nullopt: the engine must evaluate it.
  static std::optional<Column> in_sql(const Expr& expr) {
    if (!ScanSql(*tree_, table_->id()).translate(expr)) return std::nullopt;
    ScanQuery query;
    query.table_id = table_->id();
    query.items = {{0, expr.type().as_nullable(), ScanItem::Source::kExpr, expr}};
    Scan scan(*db_->engine(), tree_, query, Scan::Transfer::kPrepared);
    const Column prepared = scan.next()->columns.at(0);
    Scan copy(*db_->engine(), tree_, query, Scan::Transfer::kCopy);
    const Column copied = copy.next()->columns.at(0);
    for (std::int64_t row = 0; row < kRows; ++row)
      EXPECT_EQ(prepared.value_at(row).text(), copied.value_at(row).text()) << expr.text();
    return prepared;
  }

  static bool same(const Value& a, const Value& b) {
    const auto* x = std::get_if<double>(&a);
    const auto* y = std::get_if<double>(&b);
    if (x != nullptr && y != nullptr) return *x == *y || (std::isnan(*x) && std::isnan(*y));
    const auto* left = std::get_if<Json>(&a);
    const auto* right = std::get_if<Json>(&b);
    if (left != nullptr && right != nullptr) return equal_json(parse_json(left->text), parse_json(right->text));
    return a == b;
  }

  /// Whether SQL was asked.
  static bool compare(const Expr& expr) {
    std::optional<Column> sql;
    try {
      sql = in_sql(expr);
    } catch (const Error& error) {
      ADD_FAILURE() << expr.text() << ": " << error.what() << "\n" << error.detail();
    }
    if (!sql) return false;
    const Column engine = Evaluator(db_->engine()->threads(), rows_).evaluate(expr);
    for (std::int64_t row = 0; row < kRows; ++row) {
      const CellError* error = engine.error_at(row);
      EXPECT_TRUE(same(sql->value_at(row), engine.value_at(row)) && error == nullptr)
          << expr.text() << ", row " << row << ": SQL " << sql->value_at(row).text() << ", engine "
          << (error == nullptr ? engine.value_at(row).text() : error->type + ": " + error->message)
          << inputs(expr, row);
    }
    return true;
  }

  static std::string inputs(const Expr& expr, std::int64_t row) {
    std::string text;
    for (const Expr& arg : expr.args())
      if (arg.kind() == Expr::Kind::kColumn)
        text += fmt::format(", {} = {}", arg.name(), rows_.columns.at(arg.column_id()).value_at(row).text());
    return text;
  }

  static std::filesystem::path home_;
  static std::unique_ptr<Database> db_;
  static std::unique_ptr<Table> table_;
  static std::shared_ptr<const Tree> tree_;
  static std::map<std::string, Expr> exprs_;
  static RowSet rows_;
};
std::filesystem::path PushdownTest::home_;
std::unique_ptr<Database> PushdownTest::db_;
std::unique_ptr<Table> PushdownTest::table_;
std::shared_ptr<const Tree> PushdownTest::tree_;
std::map<std::string, Expr> PushdownTest::exprs_;
RowSet PushdownTest::rows_;

/// Their last argument must be a literal of a special form; PathsAgree and the like try them.
bool is_special(const std::string& name) {
  return name == "op.path" || name == "op.in" || name == "op.cast";
}

TEST_F(PushdownTest, EveryFunctionThatClaimsSqlAgrees) {
  for (const Function* function : list_functions()) {
    if (function->is_aggregate || is_special(function->name) || (function->sql.empty() && !function->to_sql)) continue;
    int asked = 0;
    for (const Expr& call : calls_of(*function)) asked += compare(call) ? 1 : 0;
    EXPECT_GT(asked, 0) << function->name << " claims SQL that no call got";
  }
}

TEST_F(PushdownTest, JsonPathsAgree) {
  const Expr j = exprs_.at("j");
  for (const char* steps :
       {R"(["k"])", R"(["l", 0])", R"(["l", -1, "k"])", R"([0])", R"([-2])", R"(["k", 1, 0])", R"([""])"})
    EXPECT_TRUE(compare(j.path(Json{steps}))) << steps;
  for (const Expr& literal : {Expr(1), Expr("abc"), Expr(true), Expr(2.5)}) {
    EXPECT_TRUE(compare(j["k"] == literal));
    EXPECT_TRUE(compare(j["k"] != literal));
    EXPECT_TRUE(compare(j[1] < literal));
  }
  EXPECT_TRUE(compare(j["k"].is_null()));
}

TEST_F(PushdownTest, MembershipAgrees) {
  EXPECT_TRUE(compare(exprs_.at("i").isin({1, 7, -1})));
  EXPECT_TRUE(compare(exprs_.at("i").isin({})));
  EXPECT_TRUE(compare(exprs_.at("i").isin({1, Value()})));
  EXPECT_TRUE(compare(exprs_.at("s").isin({"abc", "'", "\\"})));
  EXPECT_TRUE(compare(exprs_.at("b").isin({true})));
}

TEST_F(PushdownTest, CastsAgreeWhereTheyRunInSql) {
  int asked = 0;
  for (const auto& [name, column] : exprs_)
    for (int kind = 0; kind <= static_cast<int>(TypeKind::kJson); ++kind) {
      try {
        asked += compare(column.astype(Type(static_cast<TypeKind>(kind), true))) ? 1 : 0;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kTypeMismatch) << error.what();
      }
    }
  EXPECT_GT(asked, 0);
}

TEST_F(PushdownTest, AFilterGivesTheSameRowsInSqlAndInTheEngine) {
  const Expr i = exprs_.at("i"), s = exprs_.at("s"), f = exprs_.at("f");
  for (const Expr& condition : {i > 0, f <= 1.5, s >= "a", i == 7 || !(f > 0), s.is_null() && i < 5}) {
    const Query pushed = table_->query().where(condition);
    ASSERT_EQ(pushed.explain().find("engine: filter"), std::string::npos) << pushed.explain();
    const std::vector<std::int64_t> kept = true_rows(Evaluator(db_->engine()->threads(), rows_).evaluate(condition));
    const ResultSet result = pushed.select({i}).collect();
    ASSERT_EQ(result.num_rows(), static_cast<std::int64_t>(kept.size())) << condition.text();
    for (std::int64_t row = 0; row < result.num_rows(); ++row)
      EXPECT_EQ(result.value(row, 0), rows_.columns.at(i.column_id()).value_at(kept[static_cast<std::size_t>(row)]));
    EXPECT_EQ(pushed.count(), result.num_rows());
  }
}

}  // namespace
}  // namespace intarsia
