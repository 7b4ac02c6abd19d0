// Puts the cursor into a field. Data: within, the class of the container that the field is in.
// The field may be drawn a moment later than this.

export default function ({ data }) {
  let frames = 60
  const look = () => {
    const field = document.querySelector(`.${data.within} input`)
    if (field) field.focus()
    else if (frames-- > 0) requestAnimationFrame(look)
  }
  look()
}
