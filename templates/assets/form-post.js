// The page has a button for browsers that run no scripts.
document.getElementById('form-post').submit()
