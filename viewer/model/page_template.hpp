#pragma once

namespace llsa::viewer {

/// `page.html`: the page of a view, with LLSA_PAGE_DATA where its JSON goes.
extern const char* const page_template;

}  // namespace llsa::viewer
