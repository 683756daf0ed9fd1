"""What the codes of readiness mean, in the language of the reader."""

from arrears.core.errors import CannotTell

_WORDS: dict[str, tuple[str, str]] = {
    # gates and what is missing when they are shut
    "rung_four": ("逐级催收记录已达到第4级", "Graduated contact has reached rung 4"),
    "no_hard_hold": ("没有停止催收的事由", "No hard hold"),
    "borrower_known": ("承租人（借款人）身份信息", "Borrower identified"),
    "service_address": ("债务人送达地址", "Service address of each debtor"),
    "demand_served": (
        "催告函送达（签收、拒收或退回，两人确认）",
        "Demand served, refused or returned, confirmed by two people",
    ),
    "cure_over": ("催告后的合理期限已届满", "Cure period has run out"),
    "limitation_running": ("诉讼时效未届满", "Limitation period still running"),
    "guarantee_running": ("各保证人的保证期间未届满", "Guarantee period of each guarantor still running"),
    "document_contract": ("合同", "Contract"),
    "document_service_address_confirmation": ("送达地址确认书", "Service-address confirmation"),
    "document_lawyers_letter": ("律师函（两人确认）", "Lawyer's letter, confirmed by two people"),
    "document_proof_of_service": ("送达证明（两人确认）", "Proof of service, confirmed by two people"),
    "document_visit_report": ("上门走访报告（两人确认）", "Visit report, confirmed by two people"),
    "document_guarantee_contract": ("保证合同", "Guarantee contract"),
    # legal tests
    "test_accelerate": ("法定条件：要求支付全部未付款项", "Legal test: accelerate"),
    "test_terminate_and_recover": ("法定条件：解除合同、收回设备", "Legal test: terminate and recover"),
    "test_realise_security": ("法定条件：实现担保物权", "Legal test: realise security"),
    "test_sue_and_preserve": ("法定条件：起诉并申请保全", "Legal test: sue and preserve"),
    "test_agency": ("法定条件：委托专业机构", "Legal test: agency"),
    "not_allowed_by_policy": ("本政策未启用", "Not enabled by the policy"),
    "recent_payment": ("近期支付过一整期", "A whole instalment was paid recently"),
    "arrears_below_legal_test": ("欠付金额或期数未达法定标准", "Arrears below the legal test"),
    "self_help_unlawful": ("动产抵押不得自行取回", "No self-help under a chattel mortgage"),
    "no_title_to_asset": ("出借人不享有标的物所有权", "The lender has no title to the asset"),
    "no_security": ("没有担保物", "No security"),
    "paid_ratio_block": ("已付价款达到法定比例，不得取回", "Too much of the price is paid to recover the asset"),
    "nothing_overdue": ("没有逾期款项", "Nothing is overdue"),
    # remedies
    "accelerate": ("要求支付全部未付款项", "Accelerate: claim everything unpaid"),
    "terminate_and_recover": ("解除合同并收回设备", "Terminate and recover the asset"),
    "realise_security": ("实现担保物权", "Realise the security"),
    "sue_and_preserve": ("起诉并申请财产保全", "Sue and preserve assets"),
    "agency": ("委托专业催收机构", "Place with an agency"),
    # reasons of a packet that is withheld or incomplete
    "data_incomplete": ("数据不完整", "Data incomplete"),
    "does_not_reconcile": ("账单与台账不符", "The statement does not reconcile to the ledger"),
    "missing_glyph": ("字库缺字，需补充字体", "A character is in none of the fonts"),
    "template_error": ("模板错误", "Template error"),
    "chosen_remedy_closed": ("已选定的救济方式目前不可行", "The chosen remedy is not open now"),
    "no_snapshot_row": ("台账快照中没有该账户", "The account is not in the frozen ledger"),
    # holds
    "hold_dispute": ("客户异议处理中", "Dispute"),
    "hold_hardship": ("客户困难", "Hardship"),
    "hold_deceased": ("当事人死亡", "Deceased"),
    "hold_bankrupt": ("破产程序", "Bankruptcy"),
    "hold_moratorium": ("延期偿付期", "Moratorium"),
    "hold_cease": ("要求停止联系", "Asked to cease contact"),
    "hold_complaint": ("投诉处理中", "Complaint"),
    "hold_litigation": ("诉讼进行中", "Litigation under way"),
    "hold_data_incomplete": ("数据不完整", "Data incomplete"),
    "hold_vulnerability": ("弱势客户", "Vulnerable customer"),
    "hold_legal_representative": ("已委托代理人", "Represented by a lawyer"),
    "hold_plan": ("还款计划履行中", "Repayment plan kept"),
    "hold_payment_in_flight": ("款项在途", "Payment in flight"),
    "hold_asset_loss": ("设备灭失", "Asset lost"),
    "hold_promise": ("还款承诺未到期", "Promise not yet due"),
    # clocks and their assumptions
    "limitation": ("诉讼时效届满日", "Limitation ends on"),
    "guarantee": ("保证期间届满日", "Guarantee period ends on"),
    "cure": ("催告合理期限届满日", "Cure period ends on"),
    "from_last_instalment": ("自最后一期到期日起算", "Counted from the last instalment's due date"),
    "from_acceleration": (
        "自提前到期通知到达日起算（最早的可能）",
        "Counted from the day acceleration arrived, the earliest plausible",
    ),
    "restarted_by_demand": (
        "自最近一次到达的催告、付款或承诺起重新计算",
        "Restarted by the latest demand, payment or promise on record",
    ),
    "agreed_in_guarantee": ("按保证合同约定", "As agreed in the guarantee"),
    # service results, promise states, contract types, roles
    "sent": ("已寄出", "Sent"),
    "arrived": ("已签收", "Arrived"),
    "refused": ("拒收", "Refused"),
    "returned": ("退回", "Returned"),
    "open": ("未到期", "Open"),
    "kept": ("已履行", "Kept"),
    "partly_kept": ("部分履行", "Partly kept"),
    "broken": ("未履行", "Broken"),
    "withdrawn": ("已撤回", "Withdrawn"),
    "loan": ("贷款", "Loan"),
    "finance_lease": ("融资租赁", "Finance lease"),
    "instalment_sale": ("分期付款买卖", "Instalment sale"),
    "chattel_mortgage": ("动产抵押贷款", "Chattel mortgage"),
    "borrower": ("承租人/借款人", "Borrower"),
    "co_borrower": ("共同承租人/借款人", "Co-borrower"),
    "guarantor": ("保证人", "Guarantor"),
    "spouse": ("配偶", "Spouse"),
    "legal_representative": ("法定代表人", "Legal representative"),
    "dealer_buyback": ("回购人", "Dealer (buy-back)"),
    "joint": ("连带责任保证", "Joint"),
    "general": ("一般保证", "General"),
    # channels and outcomes
    "sms": ("短信", "SMS"),
    "email": ("邮件", "E-mail"),
    "call": ("电话", "Call"),
    "visit": ("上门", "Visit"),
    "letter": ("信函", "Letter"),
    "debit": ("扣款", "Direct debit"),
    "senior_contact": ("高层联系", "Senior contact"),
    "placement": ("委外", "Placement"),
    "credit_notice": ("征信告知", "Credit notice"),
    "asset_search": ("查找设备", "Asset search"),
    "remote_lock": ("远程锁机", "Remote lock"),
    "contacted": ("已联系", "Contacted"),
    "promised": ("承诺还款", "Promised"),
    "dispute_raised": ("提出异议", "Dispute raised"),
    "hardship_claimed": ("自述困难", "Hardship claimed"),
    "paid_claimed": ("自述已付", "Says paid"),
    "callback_requested": ("要求回电", "Callback requested"),
    "no_answer": ("无人接听", "No answer"),
    "busy": ("占线", "Busy"),
    "switched_off": ("关机", "Switched off"),
    "wrong_number": ("号码有误", "Wrong number"),
    "invalid_number": ("空号", "Invalid number"),
    "third_party_answered": ("他人接听", "Answered by another"),
    "delivered": ("已送达", "Delivered"),
    "not_delivered": ("未送达", "Not delivered"),
    "bounced": ("退信", "Bounced"),
    "letter_sent": ("函件寄出", "Letter sent"),
    "letter_served": ("函件签收", "Letter served"),
    "letter_refused": ("函件拒收", "Letter refused"),
    "letter_returned": ("函件退回", "Letter returned"),
    "visit_met": ("走访见面", "Met at visit"),
    "visit_not_met": ("走访未遇", "Not met at visit"),
    "deceased_reported": ("报告死亡", "Death reported"),
    "no_contact_point": ("无联系方式", "No contact point"),
    "accepted": ("已发出", "Sent"),
    # documents
    "contract": ("合同", "Contract"),
    "guarantee_contract": ("保证合同", "Guarantee contract"),
    "delivery_note": ("交付验收单", "Delivery note"),
    "invoice": ("发票/合格证", "Invoice"),
    "registration": ("动产担保登记", "Registration"),
    "service_address_confirmation": ("送达地址确认书", "Service-address confirmation"),
    "demand_letter": ("催告函", "Demand letter"),
    "lawyers_letter": ("律师函", "Lawyer's letter"),
    "proof_of_service": ("送达证明", "Proof of service"),
    "visit_report": ("走访报告", "Visit report"),
    "photo": ("照片", "Photo"),
    "statement_signed": ("签字对账单", "Signed statement"),
    "insurance": ("保险单", "Insurance"),
    "valuation": ("评估报告", "Valuation"),
    "power_of_attorney": ("授权委托书", "Power of attorney"),
    "identity": ("身份证明", "Identity document"),
    "agreement": ("还款协议", "Agreement"),
    "lender_licence": ("出租人营业执照", "Lender's licence"),
}


def words(code: str, language: str) -> str:
    """Return what a code means in ``zh`` or ``en``.

    Raises:
        CannotTell: the code has no words; a reader must never meet a bare code.
    """
    try:
        chinese, english = _WORDS[code]
    except KeyError:
        raise CannotTell(f"code {code!r} has no words: add them to legal/wording.py") from None
    return chinese if language == "zh" else english


def words_or_code(code: str, language: str) -> str:
    """Return what a code of a feed means, or the feed's own text where its values are free."""
    return words(code, language) if code in _WORDS else code
