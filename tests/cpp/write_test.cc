// SPDX-License-Identifier: Apache-2.0
// What several writers of one tree do to each other. Two Databases over one home stand for two processes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "intarsia/intarsia.h"

namespace intarsia {
namespace {

constexpr std::int64_t kManyRows = 12'000;  // more than are filled in place

std::atomic<int> calls{0};

class WriteTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    home_ = std::filesystem::temp_directory_path() / ("intarsia-write-test-" + std::to_string(getpid()));
    udf("counted", {"n"},
        [](std::int64_t n) {
          ++calls;
          if (n < 0) throw CellFailure("ValueError", "negative");
          return n + 1;
        },
        {.cheap = true});
    udf("paid", {"n"}, [](std::int64_t n) {
      ++calls;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return n + 1;
    });
    udf("slow", {"n"}, [](std::int64_t n) {
      if (n % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return n + 1;
    });
  }
  static void TearDownTestSuite() {
    stop_server(Config::load({{"home", home_.string()}}));
    std::filesystem::remove_all(home_);
  }

  void SetUp() override {
    db_ = std::make_unique<Database>(open());
    other_ = std::make_unique<Database>(open());
    calls = 0;
    path_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  static Database open() { return Database::open(Config::load({{"home", home_.string()}})); }

  static Batch numbers(std::int64_t begin, std::int64_t end) {
    ColumnBuilder column{Type(TypeKind::kInt)};
    for (std::int64_t n = begin; n < end; ++n) column.append_int(n);
    return Batch({"n"}, {column.finish()});
  }
  Table table_with_rows(std::int64_t rows) {
    Table table = db_->create_table(path_, {{"n", TypeKind::kInt}});
    if (rows > 0) table.insert(numbers(0, rows));
    return table;
  }
  /// Rows where `column` is n + 1.
  static std::int64_t right_cells(const Table& table, const std::string& column) {
    return table.query().where(table[column] == table["n"] + 1).count();
  }

  static std::filesystem::path home_;
  std::unique_ptr<Database> db_, other_;
  std::string path_;
};
std::filesystem::path WriteTest::home_;

TEST_F(WriteTest, AColumnIsFilledInPlaceOrByAFamily) {
  for (const std::int64_t rows : {std::int64_t{0}, std::int64_t{10}, kManyRows}) {
    db_->drop_table(path_, true, IfNotExists::kIgnore);
    Table table = table_with_rows(rows);
    calls = 0;
    const UpdateStatus status = table.add_computed_column({"m", {}, call("cc:counted", {table["n"]})});
    EXPECT_EQ(status.table.updated, rows);
    EXPECT_EQ(calls, rows);
    table.insert(numbers(rows, rows + 3));
    EXPECT_EQ(right_cells(table, "m"), rows + 3);
    EXPECT_EQ(calls, rows + 3);
  }
}

TEST_F(WriteTest, AnInsertComputesAColumnThatItsPlanDidNotKnow) {
  Table table = table_with_rows(5);
  Table same = other_->get_table(path_);
  same.add_computed_column({"m", {}, call("cc:counted", {same["n"]})});
  bool given = false;
  table.insert([&]() -> std::optional<Batch> {
    if (given) return std::nullopt;
    given = true;
    same.add_computed_column({"k", {}, call("cc:counted", {same["n"] * 1})});
    return numbers(5, 8);
  });
  EXPECT_EQ(right_cells(same, "m"), 8);
  EXPECT_EQ(right_cells(same, "k"), 8);
  EXPECT_EQ(calls, 16);
}

TEST_F(WriteTest, AnInsertFillsAViewThatItsPlanDidNotKnow) {
  Table table = table_with_rows(5);
  Table same = other_->get_table(path_);
  Table view = other_->create_view(path_ + "_view", same, {}, same["n"] >= 3);
  view.add_computed_column({"m", {}, call("cc:counted", {view["n"]})});
  const UpdateStatus status = table.insert(numbers(5, 8));
  EXPECT_EQ(status.cascade.inserted, 3);
  EXPECT_EQ(view.query().count(), 5);
  EXPECT_EQ(right_cells(view, "m"), 5);
  EXPECT_EQ(calls, 5);
}

TEST_F(WriteTest, RowsThatComeDuringAFillAreComputedOnce) {
  Table table = table_with_rows(kManyRows);
  std::thread filler([&] {
    Table same = other_->get_table(path_);
    same.add_computed_column({"m", {}, call("cc:slow", {same["n"]})});
  });
  std::int64_t next = kManyRows;
  for (int i = 0; i < 40; ++i, next += 5) table.insert(numbers(next, next + 5));
  filler.join();
  table.insert(numbers(next, next + 5));
  EXPECT_EQ(table.query().count(), next + 5);
  EXPECT_EQ(right_cells(table, "m"), next + 5);
}

TEST_F(WriteTest, AFailingCellEndsTheOperationAndLeavesNothing) {
  Table table = table_with_rows(3);
  table.add_computed_column({"m", {}, call("cc:counted", {table["n"]})});
  const std::int64_t version = table.version();
  try {
    table.insert(numbers(-1, 2));
    FAIL() << "the failing cell was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("negative"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("'m'"), std::string::npos) << error.what();
  }
  EXPECT_EQ(table.query().count(), 3);
  EXPECT_EQ(table.version(), version);
  const UpdateStatus status = table.insert(numbers(-1, 2), {OnError::kIgnore});
  EXPECT_EQ(status.table.errors, 1);
  const ResultSet errors = table.query()
                               .where(table["m"].errortype() == "ValueError")
                               .select({{"n", table["n"]}, {"why", table["m"].errormsg()}})
                               .collect();
  ASSERT_EQ(errors.num_rows(), 1);
  EXPECT_EQ(errors.value(0, 0), Value(std::int64_t{-1}));
  EXPECT_EQ(errors.value(0, 1), Value("negative"));
}

TEST_F(WriteTest, AFailingFillTakesItsColumnAway) {
  Table table = table_with_rows(kManyRows);
  table.insert(numbers(-1, 0));
  EXPECT_THROW(table.add_computed_column({"m", {}, call("cc:counted", {table["n"]})}), Error);
  EXPECT_EQ(table.columns().size(), 1U);
  const UpdateStatus status = table.add_computed_column({"m", {}, call("cc:counted", {table["n"]})}, OnError::kIgnore);
  EXPECT_EQ(status.table.errors, 1);
  EXPECT_EQ(right_cells(table, "m"), kManyRows);
}

TEST_F(WriteTest, ManyThreadsInsertIntoOneTable) {
  Table table = table_with_rows(0);
  table.add_computed_column({"m", {}, call("cc:counted", {table["n"]})});
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 20; ++i) table.insert(numbers(writer * 1000 + i * 2, writer * 1000 + i * 2 + 2));
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(right_cells(table, "m"), 160);
  EXPECT_EQ(table.version(), 81);
}

TEST_F(WriteTest, AFinishedCallOfAUdfIsNeverMadeAgain) {
  Table table = table_with_rows(100);
  table.add_computed_column({"m", {}, call("cc:paid", {table["n"]})});
  EXPECT_EQ(calls, 100);
  table.add_computed_column({"k", {}, call("cc:paid", {table["n"]})});
  EXPECT_EQ(calls, 100);
  EXPECT_EQ(right_cells(table, "k"), 100);
  EXPECT_EQ(db_->clear_results("cc:paid"), 100);
}

TEST_F(WriteTest, WhatIsInsertedIsThereInAnotherProcess) {
  Table table = table_with_rows(2);
  table.add_computed_column({"m", {}, table["n"] + 1});
  Table same = other_->get_table(path_);
  EXPECT_EQ(right_cells(same, "m"), 2);
  db_->drop_table(path_);
  EXPECT_THROW(same.insert(numbers(0, 1)), Error);
  EXPECT_THROW(static_cast<void>(same.query().count()), Error);
}

}  // namespace
}  // namespace intarsia
