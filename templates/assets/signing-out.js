// Moves on when every app has been told, or has had its time. The page has a link for browsers that run no scripts.
const moveOn = () => location.replace(document.getElementById('logout-continue').href)
window.addEventListener('load', moveOn)
setTimeout(moveOn, 3000)
