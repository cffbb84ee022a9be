// Passkeys: the one thing about accounts that a browser can't do by a form alone. No other script, no other site.
'use strict'
;(function () {
  const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  const named = list => (list || []).map(one => ({ ...one, id: bytes(one.id) }))

  async function create (options) {
    const key = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: named(options.excludeCredentials) }
    const made = await navigator.credentials.create({ publicKey: key })
    return { ...common(made), response: { clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject), transports: made.response.getTransports ? made.response.getTransports() : [] } }
  }

  async function get (options) {
    const key = { ...options, challenge: bytes(options.challenge), allowCredentials: named(options.allowCredentials) }
    const found = await navigator.credentials.get({ publicKey: key })
    const r = found.response
    return { ...common(found), response: { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null } }
  }

  function common (credential) {
    return { type: credential.type, id: credential.id, rawId: text(credential.rawId), clientExtensionResults: credential.getClientExtensionResults() }
  }

  async function optionsFor (button) {
    if (button.dataset.options) {
      const answer = await fetch(button.dataset.options, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      if (!answer.ok) throw new Error('options')
      return (await answer.json()).request_options.publicKey
    }
    const given = JSON.parse(document.getElementById('passkey-options').textContent)
    return (given.request_options || given.creation_options).publicKey
  }

  function tell (kind) {
    const place = document.getElementById('passkey-error')
    place.textContent = place.dataset[kind]
    place.hidden = false
  }

  for (const button of document.querySelectorAll('[data-passkey]')) {
    button.addEventListener('click', async event => {
      event.preventDefault()
      if (!window.PublicKeyCredential) { tell('missing'); return }
      button.disabled = true
      try {
        const options = await optionsFor(button)
        const credential = button.dataset.passkey === 'create' ? await create(options) : await get(options)
        button.form.elements.credential.value = JSON.stringify(credential)
        button.form.submit()
      } catch (error) {
        button.disabled = false
        tell('failed')
      }
    })
  }
})()
