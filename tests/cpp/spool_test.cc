// SPDX-License-Identifier: Apache-2.0
#include "exec/spool.h"

#include <gtest/gtest.h>

namespace intarsia {
namespace {

constexpr std::int64_t kNumbers = 7;
constexpr std::int64_t kTexts = 8;
constexpr std::int64_t kNone = 0;          // a budget that nothing fits in
constexpr std::int64_t kPlenty = 1 << 20;  // one that everything fits in

RowSet sample_rows() {
  ColumnBuilder ids{Type(TypeKind::kInt)};
  ColumnBuilder numbers{Type(TypeKind::kFloat, true)};
  ColumnBuilder texts{Type(TypeKind::kString, true)};
  for (int row = 0; row < 3; ++row) ids.append_int(row + 1);
  numbers.append_float(0.5);
  numbers.append_error({"ValueError", "no number", "line 1"});
  numbers.append_null();
  texts.append_text("first");
  texts.append_null();
  texts.append_text("");
  return {3, {{kRowIdColumn, ids.finish()}, {kNumbers, numbers.finish()}, {kTexts, texts.finish()}}};
}

void expect_sample(const RowSet& rows) {
  ASSERT_EQ(rows.num_rows, 3);
  EXPECT_EQ(rows.columns.at(kRowIdColumn).int_at(2), 3);
  const Column& numbers = rows.columns.at(kNumbers);
  EXPECT_EQ(numbers.type(), Type(TypeKind::kFloat, true));
  EXPECT_EQ(numbers.float_at(0), 0.5);
  ASSERT_NE(numbers.error_at(1), nullptr);
  EXPECT_EQ(*numbers.error_at(1), (CellError{"ValueError", "no number", "line 1"}));
  EXPECT_TRUE(numbers.is_null(2));
  EXPECT_EQ(numbers.error_at(2), nullptr);
  EXPECT_EQ(rows.columns.at(kTexts).text_at(0), "first");
  EXPECT_TRUE(rows.columns.at(kTexts).is_null(1));
  EXPECT_FALSE(rows.columns.at(kTexts).is_null(2));
}

class SpoolTest : public testing::TestWithParam<std::int64_t> {
 protected:
  [[nodiscard]] std::unique_ptr<RowStore> new_store() const {
    return std::make_unique<RowStore>(folder_, std::make_shared<MemoryBudget>(kPlenty), GetParam());
  }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "spool_test";
};

TEST_P(SpoolTest, GivesBackWhatWasAdded) {
  Spool spool(new_store());
  spool.add(std::make_shared<NewRows>(), sample_rows());
  spool.add(std::make_shared<NewRows>(), sample_rows());
  EXPECT_EQ(spool.num_rows(), 6);
  for (const auto& rows : spool.all()) expect_sample(spool.cells(*rows));
}

TEST_P(SpoolTest, ReplacesCells) {
  Spool spool(new_store());
  spool.add(std::make_shared<NewRows>(), sample_rows());
  RowSet wider = sample_rows();
  wider.columns.emplace(9, wider.columns.at(kTexts));
  spool.replace(*spool.all()[0], std::move(wider));
  const RowSet cells = spool.cells(*spool.all()[0]);
  expect_sample(cells);
  EXPECT_EQ(cells.columns.at(9).text_at(0), "first");
}

TEST_P(SpoolTest, LeavesNoFileBehind) {
  Spool spool(new_store());
  spool.add(std::make_shared<NewRows>(), sample_rows());
  EXPECT_TRUE(!std::filesystem::exists(folder_) || std::filesystem::is_empty(folder_));
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndOnDisk, SpoolTest, testing::Values(kPlenty, kNone));

}  // namespace
}  // namespace intarsia
