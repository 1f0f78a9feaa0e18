import './first'
import { mount } from 'svelte'
import App from './App.svelte'
import { whenLoggedOut } from './api/client'
import { loggedOut } from './api/session.svelte'
import { startTheme } from './lib/theme.svelte'
import './style/tokens.css'
import './style/base.css'

startTheme()
whenLoggedOut(loggedOut)
mount(App, { target: document.getElementById('app')! })
