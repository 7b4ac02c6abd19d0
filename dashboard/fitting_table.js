// A table that fits the room it has: texts wrap, the wide column first, and lesser columns are left out where it is narrow.
// Data: columns (name, kind), rows (texts by column, and what is told below the wide one), click, picked, alt.

const ALL_SHOWN = 24
const LONG_WORD = 24
const SHORT_TEXT = 10
const LONG_TEXT = 150

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const frame = parentElement.querySelector(".frame")
  const long = data.rows.length > ALL_SHOWN
  frame.classList.toggle("long", long)
  frame.tabIndex = long && !data.click ? 0 : -1 // rows take the focus where they can be clicked
  const table = parentElement.querySelector("table")
  table.ariaLabel = data.alt
  table.classList.toggle("clickable", Boolean(data.click))
  table.querySelector("thead tr").replaceChildren(...data.columns.map((each) => element("th", each.kind, each.name)))
  const click = (at) => {
    if (data.click === "opens") setTriggerValue("opened", at)
    else setStateValue("picked", at === data.picked ? null : at)
  }
  const body = table.querySelector("tbody")
  body.replaceChildren(...data.rows.map((row, at) => line(row, at, data, click)))
  body.onkeydown = data.click ? walk : null
}

function line(row, at, data, click) {
  const made = element("tr", "")
  data.columns.forEach((column, number) => made.append(cell(column.kind.split(" "), row.cells[number], row.below)))
  if (!data.click) return made
  made.tabIndex = 0
  if (data.click === "picks") made.ariaSelected = String(at === data.picked)
  made.onclick = (event) => event.target.closest("a") || click(at)
  return made
}

function cell(kinds, text, told) {
  const made = element("td", kinds.join(" "))
  if (kinds.includes("link")) made.append(link(text))
  else if (kinds.includes("number")) made.append(text)
  else made.append(breakable(text))
  if (kinds.includes("wide") && told) {
    const below = element("div", "below", told)
    below.title = told
    made.append(below)
  }
  return made
}

function link(address) {
  const made = element("a", "", "open trace")
  made.href = address
  made.target = "_blank"
  return made
}

// A name of several parts may be broken between them; a word that no column has room for, anywhere; a short text nowhere.
function breakable(text) {
  if (text.length <= SHORT_TEXT) return element("div", "text short", text)
  const made = element("div", "text")
  if (text.length > LONG_TEXT) made.title = text // six lines of it are shown in the wide column
  for (const part of text.split(/(?<=\p{L}[_./:,@=-]+)(?=\p{L})/u)) {
    const long = part.split(/\s/).some((word) => word.length > LONG_WORD)
    made.append(long ? element("span", "broken", part) : part, element("wbr", ""))
  }
  return made
}

// Arrow keys go from row to row; enter clicks the one in focus.
function walk(event) {
  const row = event.target.closest("tr")
  if (event.key === "Enter" && event.target === row) row.click()
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key]
  if (!step) return
  row[step]?.focus()
  event.preventDefault()
}

function element(tag, className, text) {
  const made = document.createElement(tag)
  made.className = className
  if (text !== undefined) made.textContent = text
  return made
}
