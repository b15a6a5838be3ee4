// Shows what is typed into a password field. The server leaves the button hidden for browsers that run no scripts.
for (const button of document.querySelectorAll('button[data-reveal]')) {
  const field = document.getElementById(button.dataset.reveal)
  const say = (shown) => {
    field.type = shown ? 'text' : 'password'
    button.setAttribute('aria-pressed', String(shown))
    button.firstElementChild.textContent = shown ? button.dataset.hide : button.dataset.show
  }
  button.addEventListener('click', () => {
    say(field.type === 'password')
    field.focus()
  })
  // Else the browser would keep the password among the words it suggests.
  field.form.addEventListener('submit', () => say(false))
  button.hidden = false
}
