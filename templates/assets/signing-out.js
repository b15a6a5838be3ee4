// Moves on when every app has been told, or has had its time. The page has a link for browsers that run no scripts.
const atLatest = setTimeout(moveOn, 3000)
window.addEventListener('load', moveOn)

// Once: an app that is slow to answer would be asked a second time.
function moveOn() {
  clearTimeout(atLatest)
  window.removeEventListener('load', moveOn)
  location.replace(document.getElementById('logout-continue').href)
}
