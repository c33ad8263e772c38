/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of LaTeX: which macros take arguments, and which character a symbol stands for. */
#include <string.h>

#include "service/bench/latex_private.h"

struct group {
    const char *args, *names;
};

static const struct group macro_args[] = {
    {"*[[{", " Citealp Citealt Citeauthor Citep Citet cite citealp citealt citeauthor citep citet "},
    {"*[{", " chapter pagagraph section subparagraph subsection subsubsection "},
    {"*[{{{", " rowcolors "},
    {"*{", " hspace vspace "},
    {"*{[[{", " newcommand providecommand renewcommand "},
    {"*{[[{{", " newenvironment provideenvironment renewenvironment "},
    {"*{{", " DeclareMathOperator "},
    {"[", " item "},
    {"[[{", " citefullauthor citepalias citetalias citeyear citeyearpar "},
    {"[{", " RequirePackage color documentclass footnote hphantom includegraphics pagecolor selectlanguage sqrt "
           "usepackage vphantom xleftarrow xrightarrow "},
    {"[{[{", " colorlet "},
    {"[{[{{", " fcolorbox "},
    {"[{{", " addcounter addlength colorbox setcounter setlength textcolor "},
    {"[{{{", " definecolor providecolor "},
    {"{", " Cref H acute author autoref b bar bibliography bra breve c check citenum citetext cref d date ddot "
          "dot emph ensuremath eqref grave hat hypersetup include input k ket keywords label mathbb mathbf mathcal "
          "mathfrak mathit mathrm mathscr mathsf mathtt mbox not overbrace overbracket overgroup overleftarrow "
          "overleftharpoon overleftrightarrow overline overlinesegment overrightarrow overrightharpoon r ref text "
          "textbf textit textmd textrm textsc textsf textsl texttt textup tilde title u underbrace underbracket "
          "undergroup underleftarrow underleftrightarrow underline underlinesegment underrightarrow url v vec "
          "widehat wideparen widetilde "},
    {"{{", " braket defcitealias frac ketbra nicefrac texorpdfstring "},
    {"{{{", " boxframe "},
};

static const struct group env_args[] = {
    {"[",
     " figure figure* table table* theorem proposition lemma corollary definition conjecture remark proof thm prop "
     "lem cor conj rem defn enumerate itemize description "},
    {"{", " tabular alignat alignat* "},
    {"{{", " tabular* "},
    {"{[{", " tabularx "},
    {"[{", " array "},
};

/* "name=text " for every symbol, grouped by first letter. */
static const char *const symbols[] = {
    " AA=Å AE=Æ Alpha=Α Angle=⦜ ",
    " Beta=Β Bumpeq=≎ ",
    " CYRA=А CYRABHCH=Ҽ CYRABHCHDSC=Ҿ CYRABHDZE=Ӡ CYRABHHA=Ҩ CYRAE=Ӕ CYRB=Б CYRBYUS=Ѫ CYRC=Ц CYRCH=Ч "
    "CYRCHLDSC=Ӌ CYRCHRDSC=Ҷ CYRCHVCRS=Ҹ CYRD=Д CYRDJE=Ђ CYRDZE=Ѕ CYRDZHE=Џ CYRE=Е CYREREV=Э CYRERY=Ы CYRF=Ф "
    "CYRFITA=Ѳ CYRG=Г CYRGDSC=Ӷ CYRGDSCHCRS=Ӻ CYRGHCRS=Ғ CYRGHK=Ҕ CYRGUP=Ґ CYRH=Х CYRHDSC=Ҳ CYRHHCRS=Ӿ CYRHHK=Ӽ "
    "CYRHRDSN=Ъ CYRI=И CYRIE=Є CYRII=І CYRISHRT=Й CYRIZH=Ѵ CYRJE=Ј CYRK=К CYRKBEAK=Ҡ CYRKDSC=Қ CYRKHCRS=Ҟ "
    "CYRKHK=Ӄ CYRKVCRS=Ҝ CYRL=Л CYRLDSC=Ӆ CYRLJE=Љ CYRM=М CYRMDSC=Ӎ CYRN=Н CYRNDSC=Ң CYRNG=Ҥ CYRNHK=Ӈ CYRNJE=Њ "
    "CYRO=О CYROTLD=Ө CYRP=П CYRPHK=Ҧ CYRR=Р CYRRTICK=Ҏ CYRS=С CYRSCHWA=Ә CYRSDSC=Ҫ CYRSEMISFTSN=Ҍ CYRSFTSN=Ь "
    "CYRSH=Ш CYRSHCH=Щ CYRSHHA=Һ CYRT=Т CYRTDSC=Ҭ CYRTETSE=Ҵ CYRTSHE=Ћ CYRU=У CYRUSHRT=Ў CYRV=В CYRY=Ү CYRYA=Я "
    "CYRYAT=Ѣ CYRYHCRS=Ұ CYRYI=Ї CYRYO=Ё CYRYU=Ю CYRZ=З CYRZDSC=Ҙ CYRZH=Ж CYRZHDSC=Җ CYRpalochka=Ӏ Cap=⋒ Chi=Χ "
    "Colon=∷ Cup=⋓ ",
    " DH=Ð DJ=Đ Delta=Δ Digamma=Ϝ DownArrowBar=⤓ DownArrowUpArrow=⇵ DownLeftRightVector=⥐ DownLeftTeeVector=⥞ "
    "DownLeftVectorBar=⥖ DownRightTeeVector=⥟ DownRightVectorBar=⥗ Downarrow=⇓ ",
    " Epsilon=Ε Equal=⩵ Eta=Η ",
    " Gamma=Γ ",
    " IJ=Ĳ Ident=𝕀 Iota=Ι ",
    " Kappa=Κ Koppa=Ϟ ",
    " L=Ł Lambda=Λ LeftDownTeeVector=⥡ LeftDownVectorBar=⥙ LeftRightVector=⥎ LeftTeeVector=⥚ LeftTriangleBar=⧏ "
    "LeftUpDownVector=⥑ LeftUpTeeVector=⥠ LeftUpVectorBar=⥘ LeftVectorBar=⥒ Leftarrow=⇐ Leftrightarrow=⇔ "
    "Lleftarrow=⇚ Longleftarrow=⟸ Longleftrightarrow=⟺ Longrightarrow=⟹ Lsh=↰ ",
    " Mu=Μ ",
    " NG=Ŋ NestedGreaterGreater=⪢ NestedLessLess=⪡ Nu=Ν ",
    " O=Ø OE=Œ Omega=Ω Omicron=Ο ",
    " Phi=Φ Pi=Π Psi=Ψ ",
    " ReverseUpEquilibrium=⥯ Rho=Ρ RightDownTeeVector=⥝ RightDownVectorBar=⥕ RightTeeVector=⥛ "
    "RightTriangleBar=⧐ RightUpDownVector=⥏ RightUpTeeVector=⥜ RightUpVectorBar=⥔ RightVectorBar=⥓ Rightarrow=⇒ "
    "RoundImplies=⥰ Rrightarrow=⇛ Rsh=↱ RuleDelayed=⧴ ",
    " Sampi=Ϡ Sigma=Σ Stigma=Ϛ Subset=⋐ Supset=⋑ ",
    " TH=Þ Tau=Τ Theta=Θ ",
    " UpArrowBar=⤒ UpEquilibrium=⥮ Uparrow=⇑ Updownarrow=⇕ Upsilon=Υ ",
    " VDash=⊫ Vdash=⊩ Vert=‖ Vvdash=⊪ ",
    " Xi=Ξ ",
    " Zeta=Ζ ",
    " aa=å ae=æ aleph=ℵ allequal=≌ alpha=α amalg=⨿ angle=∠ approx=≈ approxeq=≊ approxnotequal=≆ aquarius=♒ "
    "arccos=arccos arccosh=arccosh arcsin=arcsin arcsinh=arcsinh arctan=arctan arctanh=arctanh aries=♈ "
    "arrowwaveleft=↜ arrowwaveright=↝ ast=∗ asymp=≍ ",
    " backepsilon=϶ backprime=‵ backsim=∽ backsimeq=⋍ backslash=\\ barwedge=⌅ because=∵ beta=β beth=ℶ between=≬ "
    "bigcap=⋂ bigcirc=◯ bigcup=⋃ bigoplus=⊕ bigotimes=⊗ bigtriangledown=▽ bigtriangleup=△ bigvee=⋁ bigwedge=⋀ "
    "blacklozenge=⧫ blacksquare=▪ blacktriangle=▴ blacktriangledown=▾ blacktriangleleft=◂ blacktriangleright=▸ "
    "bowtie=⋈ boxdot=⊡ boxminus=⊟ boxplus=⊞ boxtimes=⊠ bullet=∙ bumpeq=≏ ",
    " cancer=♋ cap=∩ capricornus=♑ cdot=· cdots=⋯ chi=χ circ=∘ circeq=≗ circlearrowleft=↺ circlearrowright=↻ "
    "circledS=Ⓢ circledast=⊛ circledcirc=⊚ circleddash=⊝ clockoint=⨏ clwintegral=∱ complement=∁ cong=≅ coprod=∐ "
    "cos=cos cosh=cosh cup=∪ curlyeqprec=⋞ curlyeqsucc=⋟ curlyvee=⋎ curlywedge=⋏ curvearrowleft=↶ "
    "curvearrowright=↷ cyra=а cyrabhch=ҽ cyrabhchdsc=ҿ cyrabhdze=ӡ cyrabhha=ҩ cyrae=ӕ cyrb=б cyrbyus=ѫ cyrc=ц "
    "cyrch=ч cyrchldsc=ӌ cyrchrdsc=ҷ cyrchvcrs=ҹ cyrd=д cyrdje=ђ cyrdze=ѕ cyrdzhe=џ cyre=е cyrerev=э cyrery=ы "
    "cyrf=ф cyrfita=ѳ cyrg=г cyrgdsc=ӷ cyrgdschcrs=ӻ cyrghcrs=ғ cyrghk=ҕ cyrgup=ґ cyrh=х cyrhdsc=ҳ cyrhhcrs=ӿ "
    "cyrhhk=ӽ cyrhrdsn=ъ cyri=и cyrie=є cyrii=і cyrishrt=й cyrizh=ѵ cyrje=ј cyrk=к cyrkbeak=ҡ cyrkdsc=қ "
    "cyrkhcrs=ҟ cyrkhk=ӄ cyrkvcrs=ҝ cyrl=л cyrldsc=ӆ cyrlje=љ cyrm=м cyrmdsc=ӎ cyrn=н cyrndsc=ң cyrng=ҥ "
    "cyrnhk=ӈ cyrnje=њ cyro=о cyrotld=ө cyrp=п cyrphk=ҧ cyrr=р cyrrtick=ҏ cyrs=с cyrschwa=ә cyrsdsc=ҫ "
    "cyrsemisftsn=ҍ cyrsftsn=ь cyrsh=ш cyrshch=щ cyrshha=һ cyrt=т cyrtdsc=ҭ cyrtetse=ҵ cyrtshe=ћ cyru=у "
    "cyrushrt=ў cyrv=в cyry=ү cyrya=я cyryat=ѣ cyryhcrs=ұ cyryi=ї cyryo=ё cyryu=ю cyrz=з cyrzdsc=ҙ cyrzh=ж "
    "cyrzhdsc=җ ",
    " dag=† dagger=† daleth=ℸ dashv=⊣ dblarrowupdown=⇅ ddddot=⃜ dddot=⃛ ddots=⋱ delta=δ dh=ð diagup=╱ diamond=♢ "
    "digamma=ϝ div=÷ divideontimes=⋇ dj=đ doteq=≐ doteqdot=≑ dotplus=∔ dots=… dotsb=… dotsc=… dotsi=… dotsm=… "
    "dotso=… downarrow=↓ downdownarrows=⇊ downharpoonleft=⇃ downharpoonright=⇂ downslopeellipsis=⋱ ",
    " eighthnote=♪ ell=ℓ emptyset=∅ enskip=  epsilon=ϵ eqcirc=≖ eqslantgtr=⪖ eqslantless=⪕ equiv=≡ estimates=≙ "
    "eta=η eth=ƪ exists=∃ exp=exp ",
    " fallingdotseq=≒ flat=♭ forall=∀ forcesextra=⊨ frown=⌢ ",
    " gamma=γ ge=≥ gemini=♊ geq=≥ geqq=≧ geqslant=⩾ gg=≫ gimel=ℷ gnapprox=⪊ gneq=⪈ gneqq=≩ gnsim=⋧ "
    "greaterequivlnt=≳ gtrapprox=⪆ gtrdot=⋗ gtreqless=⋛ gtreqqless=⪌ gtrless=≷ gtrsim=≳ guillemotleft=« "
    "guillemotright=» guilsinglleft=‹ guilsinglright=› ",
    " hbar=ħ hermitconjmatrix=⊹ homothetic=∻ hookleftarrow=↩ hookrightarrow=↪ hslash=ℏ ",
    " i=ı id=𝕀 iddots=⋰ iiint=∭ iint=∬ ij=ĳ image=⊷ in=∈ inf=inf infty=∞ int=∫ intercal=⊺ iota=ι ",
    " j=ȷ jupiter=♃ ",
    " kappa=κ ",
    " l=ł lVert=‖ lambda=λ langle=⟨ lazysinv=∾ lbrace={ lceil=⌈ ldots=… le=≤ leftarrow=← leftarrowtail=↢ "
    "leftharpoondown=↽ leftharpoonup=↼ leftleftarrows=⇇ leftrightarrow=↔ leftrightarrows=⇆ leftrightharpoons=⇋ "
    "leftrightsquigarrow=↭ leftthreetimes=⋋ leo=♌ leq=≤ leqq=≦ leqslant=⩽ lessapprox=⪅ lessdot=⋖ lesseqgtr=⋚ "
    "lesseqqgtr=⪋ lessequivlnt=≲ lessgtr=≶ lesssim=≲ lfloor=⌊ libra=♎ lim=lim ll=≪ llcorner=⌞ lmoustache=⎰ "
    "ln=ln lnapprox=⪉ lneq=⪇ lneqq=≨ lnot=¬ lnsim=⋦ log=log longleftarrow=⟵ longleftrightarrow=⟷ longmapsto=⟼ "
    "longrightarrow=⟶ looparrowleft=↫ looparrowright=↬ lozenge=◊ lrcorner=⌟ ltimes=⋉ lvert=| ",
    " male=♂ mapsto=↦ max=max measuredangle=∡ mercury=☿ mho=℧ mid=| min=min mp=∓ mu=μ multimap=⊸ ",
    " nLeftarrow=⇍ nLeftrightarrow=⇎ nRightarrow=⇏ nVDash=⊯ nVdash=⊮ nabla=∇ natural=♮ nearrow=↗ neptune=♆ "
    "neq=≠ nexists=∄ ng=ŋ ngeq=≱ ngtr=≯ ni=∋ nleftarrow=↚ nleftrightarrow=↮ nleq=≰ nless=≮ nmid=∤ "
    "nolinebreak=⁠ "
    "notgreaterless=≹ notin=∉ notlessgreater=≸ nparallel=∦ nprec=⊀ nrightarrow=↛ nsubseteq=⊈ nsucc=⊁ "
    "nsupseteq=⊉ ntriangleleft=⋪ ntrianglelefteq=⋬ ntriangleright=⋫ ntrianglerighteq=⋭ nu=ν nvDash=⊭ nvdash=⊬ "
    "nwarrow=↖ ",
    " o=ø odot=⊙ oe=œ oint=∮ omega=ω omicron=ο ominus=⊖ openbracketleft=〚 openbracketright=〛 oplus=⊕ original=⊶ "
    "oslash=⊘ otimes=⊗ ",
    " parallel=∥ partial=∂ perp=⊥ perspcorrespond=⩞ phi=ϕ pi=π pisces=♓ pitchfork=⋔ pluto=♇ pm=± prec=≺ "
    "precapprox=⪷ preccurlyeq=≼ precedesnotsimilar=⋨ preceq=≼ precnapprox=⪹ precneqq=⪵ precsim=≾ prime=' prod=∏ "
    "propto=∝ psi=ψ ",
    " quarternote=♩ quotedblbase=„ quotesinglbase=‚ ",
    " rVert=‖ rangle=⟩ rbrace=} rceil=⌉ recorder=⌕ rfloor=⌋ rho=ρ rightangle=∟ rightanglearc=⊾ rightarrow=→ "
    "rightarrowtail=↣ rightharpoondown=⇁ rightharpoonup=⇀ rightleftarrows=⇄ rightleftharpoons=⇌ rightmoon=☾ "
    "rightrightarrows=⇉ rightsquigarrow=⇝ rightthreetimes=⋌ risingdotseq=≓ rmoustache=⎱ rtimes=⋊ rvert=| ",
    " sagittarius=♐ saturn=♄ scorpio=♏ searrow=↘ setminus=∖ sharp=♯ sigma=σ sim=∼ simeq=≃ sin=sin sinh=sinh "
    "smallsetminus=∖ smile=⌣ sphericalangle=∢ sqcap=⊓ sqcup=⊔ sqrint=⨖ sqsubset=⊏ sqsubseteq=⊑ sqsupset=⊐ "
    "sqsupseteq=⊒ square=□ ss=ß star=⋆ starequal=≛ subset=⊂ subseteq=⊆ subseteqq=⫅ subsetneq=⊊ subsetneqq=⫋ "
    "succ=≻ succapprox=⪸ succcurlyeq=≽ succeq=≽ succnapprox=⪺ succneqq=⪶ succnsim=⋩ succsim=≿ sum=∑ sup=sup "
    "supset=⊃ supseteq=⊇ supseteqq=⫆ supsetneq=⊋ supsetneqq=⫌ surd=√ surfintegral=∯ swarrow=↙ ",
    " tan=tan tanh=tanh tau=τ taurus=♉ textTheta=ϴ textacutedbl=˝ textasciiacute=´ textasciibreve=˘ "
    "textasciicaron=ˇ textasciicircum=ˆ textasciidieresis=¨ textasciigrave=` textasciimacron=¯ textasciitilde=~ "
    "textasteriskcentered=⁎ textbackslash=\\ textbaht=฿ textbigcircle=◯ textblank=␢ textbrokenbar=¦ "
    "textbullet=• textcelsius=℃ textcent=¢ textcircledP=℗ textcolonmonetary=₡ textcompwordmark=‌ "
    "textcopyright=© textcurrency=¤ textdagger=† textdaggerdbl=‡ textdegree=° textdiscount=⁒ textdiv=÷ "
    "textdollar=$ textdong=₫ textdoublepipe=ǂ textdownarrow=↓ textellipsis=… textemdash=— textendash=– "
    "textestimated=℮ texteuro=€ textexclamdown=¡ textflorin=ƒ textfractionsolidus=⁄ textglotstop=ʔ texthvlig=ƕ "
    "textinterrobang=‽ textlangle=〈 textleftarrow=← textlira=₤ textlnot=¬ textmho=℧ textmp=∓ textmu=µ "
    "textmusicalnote=♪ textnaira=₦ textnrleg=ƞ textnumero=№ textohm=Ω textonehalf=½ textonequarter=¼ "
    "textonesuperior=¹ textopenbullet=◦ textordfeminine=ª textordmasculine=º textparagraph=¶ "
    "textperiodcentered=˙ textpertenthousand=‱ textperthousand=‰ textpeso=₱ textphi=ɸ textpm=± "
    "textquestiondown=¿ textquotedblleft=“ textquotedblright=” textquoteleft=‘ textquoteright=’ "
    "textquotesingle=' textrangle=〉 textrecipe=℞ textreferencemark=※ textregistered=® textrightarrow=→ "
    "textschwa=ə textsection=§ textservicemark=℠ textsterling=£ texttheta=θ textthreequarters=¾ "
    "textthreesuperior=³ texttildelow=˜ texttimes=× texttrademark=™ textturnk=ʞ texttwosuperior=² textuparrow=↑ "
    "textvartheta=ϑ textvisiblespace=␣ textwon=₩ textyen=¥ th=þ therefore=∴ theta=θ tildetrpl=≋ times=× to=→ "
    "top=⊤ triangledown=▿ triangleleft=◃ trianglelefteq=⊴ triangleq=≜ triangleright=▹ trianglerighteq=⊵ "
    "truestate=⊧ twoheadleftarrow=↞ twoheadrightarrow=↠ ",
    " udots=⋰ ulcorner=⌜ uparrow=↑ updownarrow=↕ upharpoonleft=↿ upharpoonright=↾ uplus=⊎ upsilon=υ "
    "upslopeellipsis=⋰ upuparrows=⇈ uranus=♅ urcorner=⌝ ",
    " varepsilon=ε varkappa=ϰ varnothing=∅ varperspcorrespond=⌆ varphi=φ varpi=ϖ varrho=ϱ varsigma=ς vartheta=ϑ "
    "vartriangle=▵ vartriangleleft=⊲ vartriangleright=⊳ vdash=⊢ vdots=⋮ vee=∨ veebar=⊻ venus=♀ vert=| "
    "verymuchgreater=⋙ verymuchless=⋘ virgo=♍ volintegral=∰ ",
    " wedge=∧ wp=℘ wr=≀ ",
    " xi=ξ ",
    " zeta=ζ ",
};

/* Macros whose text takes in their arguments. */
static const struct group templates[] = {
    {"%s", " overbrace overbracket overgroup overleftarrow overleftharpoon overleftrightarrow overline overlinesegment "
           "overrightarrow overrightharpoon underbrace underbracket undergroup underleftarrow underleftrightarrow "
           "underline underlinesegment underrightarrow widehat wideparen widetilde "},
    {"%s/%s", " frac nicefrac textfrac "},
    {"\xe2\x88\x9a(%2)", " sqrt "},
    {"\xe2\x9f\xa8%s|", " bra "},
    {"\xe2\x9f\xa8%s|%s\xe2\x9f\xa9", " braket "},
    {"|%s\xe2\x9f\xa9", " ket "},
    {"|%s\xe2\x9f\xa9\xe2\x9f\xa8%s|", " ketbra "},
    {"<%s>", " url "},
    {"%3", " textcolor colorbox "},
    {"%5", " fcolorbox "},
    {"[%2]", " footnote "},
    {"<ref>", " ref autoref cref "},
    {"<Ref>", " Cref "},
    {"(<ref>)", " eqref "},
    {"<cit.>", " cite citet citep "},
    {"lim inf", " liminf "},
    {"lim sup", " limsup "},
    {"    ", " qquad "},
    {"  ", " quad "},
    {"\n", " vspace "},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* " name " or " name=" as a C string; false when the name is no name of a table. */
static bool keyed(struct bm_str name, char end, char key[static 48])
{
    if (name.n == 0 || name.n > 40)
        return false;
    key[0] = ' ';
    for (size_t i = 0; i < name.n; i++) {
        if (name.cp[i] <= ' ' || name.cp[i] == '=' || name.cp[i] > 126)
            return false;
        key[i + 1] = (char)name.cp[i];
    }
    key[name.n + 1] = end;
    key[name.n + 2] = 0;
    return true;
}

static const char *group_of(const struct group *groups, size_t n, struct bm_str name)
{
    char key[48];
    if (!keyed(name, ' ', key))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strstr(groups[i].names, key))
            return groups[i].args;
    return NULL;
}

const char *bm_latex_macro_args(struct bm_str name)
{
    if (name.n == 1 && name.cp[0] < 128 && strchr("'`\"^~=.", (int)name.cp[0]))
        return "{";
    if (bm_is(name, "\\"))
        return "*[";
    const char *args = group_of(macro_args, COUNT(macro_args), name);
    return args ? args : "";
}

const char *bm_latex_env_args(struct bm_str name)
{
    const char *args = group_of(env_args, COUNT(env_args), name);
    return args ? args : "";
}

const char *bm_latex_macro_text(struct bm_str name, char room[static 64])
{
    char key[48];
    const char *template = group_of(templates, COUNT(templates), name);
    if (template)
        return template;
    if (name.n == 1 && name.cp[0] < 128 && strchr(" #$&_{}%", (int)name.cp[0])) {
        room[0] = (char)name.cp[0];
        room[1] = 0;
        return room;
    }
    if (name.n == 1 && name.cp[0] < 128 && strchr(",:;", (int)name.cp[0]))
        return " ";
    if (bm_is(name, "-"))
        return "\xc2\xad";
    if (bm_is(name, "\\"))
        return "\n";
    if (!keyed(name, '=', key))
        return NULL;
    for (size_t i = 0; i < COUNT(symbols); i++) {
        const char *hit = strstr(symbols[i], key);
        if (!hit)
            continue;
        hit += strlen(key);
        size_t n = strcspn(hit, " ");
        if (n >= 64)
            return NULL;
        memcpy(room, hit, n);
        room[n] = 0;
        return room;
    }
    return NULL;
}
