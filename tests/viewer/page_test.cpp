// The page to share: what it holds is what the window shows.
#include "viewer/model/page.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "files/image.hpp"
#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

using nlohmann::json;

json data_of(const std::string& page) {
  const std::string begin = R"(<script id="data" type="application/json">)";
  const auto at = page.find(begin) + begin.size();
  return json::parse(page.substr(at, page.find("</script>", at) - at));
}

struct Opened {
  Workspace work{1};
  explicit Opened(Grid size, const std::string& order = {}) {
    work.side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
    work.side(0).settings.how.order = order;
    work.open({}, {.picture_size = size});
    work.finish();
  }
};

TEST(Page, base64_is_that_of_the_standard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\xff\xef\x00\xbe", 4)), "/+8Avg==");
}

TEST(Page, has_the_selection_the_keys_and_the_weights_of_every_query) {
  for (const char* order : {"raster", "morton"}) {
    Opened opened({1, 16, 16}, order);
    Workspace& work = opened.work;
    work.choose_query(37);
    work.finish();
    const json data = data_of(html_page(work));
    EXPECT_EQ(data["key_grid"], (std::vector<int>{1, 16, 16}));
    EXPECT_EQ(data["spans"], (std::vector<int>{1, 4, 16}));
    EXPECT_EQ(data["levels"].size(), 2u);
    EXPECT_EQ(data["colors"].size(), 256u);
    EXPECT_EQ(data["order"].is_null(), std::string(order) == "raster");
    ASSERT_EQ(data["queries"].size(), 256u) << "few enough for all";
    EXPECT_EQ(data["queries"][data["first"].get<std::size_t>()]["cell"], 37);
    for (const std::int64_t cell : {0, 37, 200}) {
      work.choose_query(cell);
      work.finish();
      const QueryView& view = *work.query();
      const json& query = data["queries"][static_cast<std::size_t>(cell)];
      ASSERT_EQ(query["cell"], cell);
      for (int level = 1; level <= 2; ++level) {
        std::vector<std::int64_t> tokens;
        for (const Candidate& c : view.level(level).candidates)
          if (c.rank >= 0) tokens.push_back(c.token);
        EXPECT_EQ(query["selected"][static_cast<std::size_t>(level - 1)], tokens);
      }
      // As the page does it: every key's share, spread over its tokens' cells.
      std::vector<double> weights(256);
      std::size_t at = 0;
      for (std::size_t level = 0; level < 3; ++level)
        for (const json& run : query["keys"][level])
          for (std::int64_t token = run[0]; token < run[0].get<std::int64_t>() + run[1].get<std::int64_t>(); ++token) {
            const double share = std::pow(10, query["log_probability"][at++].get<double>() / 100);
            const std::int64_t span = data["spans"][level];
            for (std::int64_t i = token * span; i < (token + 1) * span; ++i) {
              const std::int64_t of =
                  data["order"].is_null() ? i : data["order"][static_cast<std::size_t>(i)].get<std::int64_t>();
              weights[static_cast<std::size_t>(of)] += share / static_cast<double>(span);
            }
          }
      EXPECT_EQ(at, view.keys.size());
      for (std::size_t c = 0; c < 256; ++c)
        EXPECT_NEAR(weights[c], view.llsa[c], 0.02 * static_cast<double>(view.llsa[c]) + 1e-9) << c;
      EXPECT_EQ(query["numbers"]["keys touched"], std::to_string(view.keys.size()));
    }
  }
}

TEST(Page, queries_are_spread_over_large_pictures_and_the_current_one_is_among_them) {
  Opened opened({1, 90, 130});
  opened.work.choose_query(1);
  opened.work.finish();
  const json data = data_of(html_page(opened.work));
  EXPECT_LE(data["queries"].size(), static_cast<std::size_t>(most_page_queries) + 40);
  EXPECT_GE(data["queries"].size(), static_cast<std::size_t>(most_page_queries) / 2);
  EXPECT_EQ(data["queries"][data["first"].get<std::size_t>()]["cell"], 1);
  EXPECT_EQ(data["queries"][data["first"].get<std::size_t>()]["name"], "query x 1, y 0");
}

TEST(Page, needs_no_other_file_and_a_name_cannot_break_out_of_its_data) {
  TemporaryFolder folder;
  files::write_png(folder / "a<b>.png", files::Image(6, 5));
  Workspace work(1);
  work.open({folder / "a<b>.png"}, {});
  work.finish();
  const std::string page = html_page(work);
  for (const char* word : {"http://", "https://", "src=\"", "href=", "import ", "LLSA_PAGE_DATA", "a<b>"})
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  EXPECT_EQ(data_of(page)["title"], "a<b>.png");
  EXPECT_TRUE(data_of(page)["picture"].get<std::string>().starts_with("data:image/png;base64,iVBORw0KGgo"));
}

TEST(Page, is_written_as_html_only_and_when_there_is_something) {
  TemporaryFolder folder;
  Workspace empty(1);
  EXPECT_EQ(error_of([&] { html_page(empty); }), "nothing is computed yet");
  Opened opened({1, 8, 8});
  EXPECT_NE(error_of([&] { export_page(folder / "a.txt", opened.work); }).find(".html"), std::string::npos);
  export_page(folder / "a.html", opened.work);
  EXPECT_EQ(room::read_text(folder / "a.html"), html_page(opened.work));
}

}  // namespace
}  // namespace llsa::viewer
