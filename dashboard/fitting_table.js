// A table that fits the room it has: the wide column wraps, and lesser columns are left out where it is narrow.
// Data: columns (name, kind), rows (texts by column, and what is told below the wide one), picked, opens, alt.

const ALL_SHOWN = 24

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  parentElement.querySelector(".frame").classList.toggle("long", data.rows.length > ALL_SHOWN)
  const table = parentElement.querySelector("table")
  table.ariaLabel = data.alt
  table.querySelector("thead tr").replaceChildren(...data.columns.map((each) => element("th", each.kind, each.name)))
  const pick = (at) => {
    if (data.opens) setTriggerValue("opened", at)
    else setStateValue("picked", at === data.picked ? null : at)
  }
  const body = table.querySelector("tbody")
  body.replaceChildren(...data.rows.map((row, at) => line(row, at, data, pick)))
  body.onkeydown = walk
}

function line(row, at, data, pick) {
  const made = element("tr", "")
  made.tabIndex = 0
  if (!data.opens) made.ariaSelected = String(at === data.picked)
  data.columns.forEach((column, number) => {
    const cell = element("td", column.kind, row.cells[number])
    if (column.kind === "wide" && row.below) {
      const below = element("div", "below", row.below)
      below.title = row.below
      cell.append(below)
    }
    made.append(cell)
  })
  made.onclick = () => pick(at)
  return made
}

// Arrow keys go from row to row; enter picks the one in focus.
function walk(event) {
  const row = event.target.closest("tr")
  if (event.key === "Enter") row.click()
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
