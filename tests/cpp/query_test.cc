// SPDX-License-Identifier: Apache-2.0
// Queries while others write, and what a query does beside giving rows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "intarsia/intarsia.h"

namespace intarsia {
namespace {

constexpr std::int64_t kRows = 20'000;  // several pages

class QueryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    home_ = std::filesystem::temp_directory_path() / ("intarsia-query-test-" + std::to_string(getpid()));
    udf("doubled", {"n"}, [](std::int64_t n) { return 2 * n; });
    udf("odd_only", {"n"}, [](std::int64_t n) {
      if (n % 2 == 0) throw CellFailure("ValueError", "even");
      return n;
    });
  }
  static void TearDownTestSuite() {
    stop_server(Config::load({{"home", home_.string()}}));
    std::filesystem::remove_all(home_);
  }
  void SetUp() override {
    db_ = std::make_unique<Database>(Database::open(Config::load({{"home", home_.string()}})));
    table_ = std::make_unique<Table>(
        db_->create_table(testing::UnitTest::GetInstance()->current_test_info()->name(), {{"n", TypeKind::kInt}}));
  }

  void insert(std::int64_t begin, std::int64_t end) {
    ColumnBuilder column{Type(TypeKind::kInt)};
    for (std::int64_t n = begin; n < end; ++n) column.append_int(n);
    table_->insert(Batch({"n"}, {column.finish()}));
  }
  [[nodiscard]] Expr n() const { return (*table_)["n"]; }
  [[nodiscard]] Expr doubled() const { return call("cc:doubled", {n()}); }
  static std::vector<std::int64_t> ints(const ResultSet& result) {
    std::vector<std::int64_t> values;
    for (std::int64_t row = 0; row < result.num_rows(); ++row)
      values.push_back(result.value(row, 0).as<std::int64_t>());
    return values;
  }
  static ErrorCode code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  }

  static std::filesystem::path home_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Table> table_;
};
std::filesystem::path QueryTest::home_;

TEST_F(QueryTest, RowsAreVisitedInOrderAndRowsThatComeMeanwhileAreNot) {
  insert(0, kRows);
  std::int64_t next = 0;
  int batches = 0;
  table_->query().for_each_batch([&](const Batch& batch) {
    if (batches++ == 0) {
      insert(kRows, kRows + 10);
      table_->add_computed_column({"twice", {}, doubled()});
    }
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) EXPECT_EQ(batch.column(0).int_at(row), next++);
    return true;
  });
  EXPECT_EQ(next, kRows);
  EXPECT_GT(batches, 2);
  EXPECT_EQ(table_->query().count(), kRows + 10);
}

TEST_F(QueryTest, AVisitEndsWhenItIsTold) {
  insert(0, kRows);
  int batches = 0;
  table_->query().for_each_batch([&](const Batch&) { return ++batches < 2; });
  EXPECT_EQ(batches, 2);
}

TEST_F(QueryTest, TheEngineFiltersWhatSqlCannot) {
  insert(0, kRows);
  const Query query = table_->query().where(doubled() == 12 || n() == 3).where(n() < 100).select({n()});
  EXPECT_EQ(ints(query.collect()), (std::vector<std::int64_t>{3, 6}));
  EXPECT_EQ(query.count(), 2);
  EXPECT_EQ(ints(table_->query().where(doubled() >= 0).select({n()}).limit(2, kRows - 1).collect()),
            std::vector<std::int64_t>{kRows - 1});
}

TEST_F(QueryTest, TheFirstAndTheLastRowsComeInTheOrderOfInsertion) {
  insert(0, kRows);
  for (const Query& query : {table_->query().select({n()}), table_->query().where(doubled() >= 0).select({n()})}) {
    EXPECT_EQ(ints(query.head(2)), (std::vector<std::int64_t>{0, 1}));
    EXPECT_EQ(ints(query.tail(2)), (std::vector<std::int64_t>{kRows - 2, kRows - 1}));
    EXPECT_EQ(query.tail(0).num_rows(), 0);
  }
}

TEST_F(QueryTest, AnOrderOfTheEngineIsThatOfSql) {
  insert(0, 1000);
  const auto first = [&](const Expr& key, bool ascending) {
    return ints(table_->query().order_by({key}, ascending).order_by({n()}).select({n()}).limit(5, 1).collect());
  };
  for (const bool ascending : {true, false})
    EXPECT_EQ(first(n() % 10, ascending), first(call("cc:doubled", {n() % 10}), ascending));
  EXPECT_EQ(first(n() % 10, false), (std::vector<std::int64_t>{19, 29, 39, 49, 59}));
}

TEST_F(QueryTest, ManyRowsOfAFilterComeAllAndOnce) {
  insert(0, kRows);
  const std::vector<std::int64_t> found = ints(table_->query().where(n() >= 10).select({n()}).collect());
  ASSERT_EQ(found.size(), static_cast<std::size_t>(kRows - 10));
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], static_cast<std::int64_t>(i) + 10);
}

TEST_F(QueryTest, AFailingCellEndsTheQueryAndIsNamed) {
  insert(0, 4);
  try {
    (void)table_->query().select({call("cc:odd_only", {n()})}).collect();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupportedOperation);
    EXPECT_NE(std::string(error.what()).find("failed in row 0: ValueError: even"), std::string::npos) << error.what();
  }
  EXPECT_EQ(ints(table_->query().where(n() % 2 == 1 && call("cc:odd_only", {n()}) > 0).select({n()}).collect()),
            (std::vector<std::int64_t>{1, 3}));
}

TEST_F(QueryTest, StoredErrorsAreNullsAndCanBeAskedFor) {
  insert(0, 4);
  table_->add_computed_column({"odd", {}, call("cc:odd_only", {n()})}, OnError::kIgnore);
  const Expr odd = (*table_)["odd"];
  EXPECT_EQ(table_->query().where(odd.is_null()).count(), 2);
  EXPECT_EQ(ints(table_->query().where(odd.errortype() == "ValueError").select({n()}).collect()),
            (std::vector<std::int64_t>{0, 2}));
  const ResultSet result = table_->query().select({odd + 1, odd.errormsg()}).collect();
  EXPECT_TRUE(result.value(0, 0).is_null());
  EXPECT_EQ(result.value(0, 1), Value("even"));
  EXPECT_EQ(result.value(1, 0), Value(2));
  EXPECT_TRUE(result.value(1, 1).is_null());
}

TEST_F(QueryTest, AggregatesRunInSqlOrAreRefused) {
  insert(0, 10);
  const Expr sum = call("agg.sum", {n()});
  const ResultSet groups = table_->query().group_by({n() % 3}).select({n() % 3, sum}).order_by({n() % 3}).collect();
  ASSERT_EQ(groups.num_rows(), 3);
  EXPECT_EQ(groups.value(0, 1), Value(18));
  EXPECT_EQ(table_->query().select({sum}).collect().value(0, 0), Value(45));
  EXPECT_EQ(code_of([&] { (void)table_->query().select({call("agg.sum", {doubled()})}).collect(); }),
            ErrorCode::kUnsupportedOperation);
  EXPECT_EQ(code_of([&] { (void)table_->query().select({sum, n()}).collect(); }), ErrorCode::kInvalidArgument);
}

TEST_F(QueryTest, WhatMakesNoSenseIsRefusedAtOnce) {
  const Query query = table_->query();
  EXPECT_EQ(code_of([&] { (void)query.where(n()); }), ErrorCode::kTypeMismatch);
  EXPECT_EQ(code_of([&] { (void)query.limit(-1); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { (void)query.select({n()}).select({n()}); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] {
              (void)query.select({NamedExpr("a", n()), NamedExpr("a", n())});
            }),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { (void)query.order_by({n()}).tail(1); }), ErrorCode::kInvalidArgument);
}

TEST_F(QueryTest, AnotherProcessSeesTheSchemaOfToday) {
  insert(0, 3);
  Database other = Database::open(Config::load({{"home", home_.string()}}));
  const Table same = other.get_table(table_->path());
  EXPECT_EQ(same.query().collect().names(), std::vector<std::string>{"n"});
  table_->add_computed_column({"twice", {}, doubled()});
  EXPECT_EQ(same.query().collect().names(), (std::vector<std::string>{"n", "twice"}));
  db_->drop_table(*table_);
  EXPECT_EQ(code_of([&] { (void)same.query().count(); }), ErrorCode::kTableNotFound);
}

}  // namespace
}  // namespace intarsia
